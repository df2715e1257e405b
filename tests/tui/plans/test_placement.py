"""The placement as typed text: rows of the form, and what the text stands for."""

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Placement
from engine.launch.devices import Gpu
from tui.plans.flags import with_target
from tui.plans.placement import PLACE, SEEDS, checked, param_of, place_params, words_of


def test_the_rows_are_the_seeds_and_every_placement_field_with_the_help_of_its_flag():
    params = place_params()
    assert list(params) == ["seeds", *PLACE]
    assert params["seeds"] is SEEDS
    assert {name: param.help for name, param in params.items() if name != "seeds"} == {
        flag.path: flag.help for flag in with_target("place")
    }


def test_devices_of_the_machine_become_choices():
    assert place_params(("auto", "cpu"))["device"].choices == ("auto", "cpu")
    assert place_params()["device"].choices == ()


def test_a_field_of_a_model_becomes_a_param_with_its_type_range_and_choices():
    gpus, keep, tags = (param_of(name, Placement.model_fields[name]) for name in ("gpus", "keep", "tags"))
    assert (gpus.type, gpus.default, gpus.ge, gpus.le) == ("int", 1, 1, 64)
    assert (keep.type, keep.choices) == ("choice", ("all", "resumable", "weights", "none"))
    assert tags.type == "list[str]"
    assert gpus.help == "Number of GPUs that one run uses; with `nodes`, of all its nodes together."


def test_text_becomes_a_placement_and_missing_fields_keep_their_defaults():
    placement = checked({"device": "cuda:1", "threads": "2", "name": "012", "tags": "a, b c", "wait_free_gb": "1.5"})
    assert placement == Placement(device="cuda:1", threads=2, name="012", tags=("a", "b", "c"), wait_free_gb=1.5)
    assert checked({}) == Placement()


def test_every_wrong_field_is_named():
    with pytest.raises(BadInput) as caught:
        checked({"gpus": "none", "keep": "some", "device": "toaster"})
    problems = sorted(caught.value.problems)
    assert len(problems) == 3
    assert [problem.partition(":")[0] for problem in problems] == ["device", "gpus", "keep"]


def test_a_list_is_typed_with_commas_or_blanks():
    assert words_of("a,b  c, d") == ("a", "b", "c", "d")
    assert words_of(" ") == ()


def test_all_gpus_are_counted_among_those_that_a_run_may_use(monkeypatch):
    cards = [
        Gpu(0, "GPU-0", "", None, None),
        Gpu(1, "GPU-1", "", None, None),
        Gpu(2, "", "", None, None, problem="lost"),
    ]
    monkeypatch.setattr("tui.plans.placement.devices.gpus", lambda: cards)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert checked({"gpus": "all"}).gpus == 2
    assert checked({"gpus": "all", "device": "cuda:1"}).gpus == checked({"gpus": "all", "device": "cpu"}).gpus == 1
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert checked({"gpus": "all"}).gpus == 1


def test_all_gpus_are_not_counted_for_a_job_on_another_machine():
    with pytest.raises(BadInput, match="give the number that a job is to have"):
        checked({"gpus": "all", "launcher": "slurm"})
    assert checked({"gpus": "4", "launcher": "slurm"}).gpus == 4
