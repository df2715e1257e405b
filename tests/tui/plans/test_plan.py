"""Plans: everything is checked before a folder is made, and a plan is started as it was checked."""

import shlex

import pytest

from engine.contract.errors import BadInput, StartFailed
from engine.contract.recipe.catalog import catalog
from engine.contract.run.store import RunFolder, runs_root
from tui.plans.again import flags_of
from tui.plans.draft import from_flags
from tui.plans.plan import BYTES_PER_PARAMETER, SPARE_BYTES, launch, need_room, plan
from tui.plans.resolution import Resolver

PARTS = catalog()
QUICK = ("schedule.warmup=0", "compute.precision=fp32")


def take(**flags):
    draft = from_flags({"preset": "quickstart", "device": "cpu", "sets": list(QUICK), **flags})
    return Resolver(PARTS).take(draft, "quickstart")


def planned(**flags):
    return plan(take(**flags), runs_root())


def test_a_plan_says_everything_about_its_runs_and_writes_nothing():
    made = planned(model="lenet", seeds="0-2", tags=["a"], name="n")
    assert made.recipe.model.name == "lenet" and made.seeds == (0, 1, 2)
    assert (made.placement.device, made.placement.tags, made.placement.name) == ("cpu", ("a",), "n")
    assert made.preset == "quickstart" and "model" in made.changes
    assert made.note == "" and made.teacher == {} and made.approved == {}
    assert not runs_root().exists()


def test_each_run_has_the_command_that_repeats_it():
    made = planned(model="lenet", seeds="3,5", tags=["a"])
    assert len(made.commands) == 2
    for seed, command in zip(made.seeds, made.commands, strict=True):
        words = shlex.split(command)
        assert words.count("--seed") == 1 and "--seeds" not in words
        assert words[-1] == "--headless" and "--detach" not in words
        again = from_flags(flags_of(command) or {})
        assert again.seeds() == [seed]
        assert Resolver(PARTS).take(again, "quickstart").recipe.recipe_id == made.recipe.recipe_id


def test_other_seeds_may_be_asked_for_than_those_of_the_draft():
    made = plan(take(seeds="0-9"), runs_root(), seeds=(4, 2))
    assert made.seeds == (4, 2)
    assert ["--seed 4" in made.commands[0], "--seed 2" in made.commands[1]] == [True, True]


def test_the_data_folder_is_absolute_because_trainers_work_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    assert planned(data_dir="data").placement.data_dir == str(tmp_path / "data")


def test_what_was_made_to_fit_is_noted():
    assert planned(epochs=1, sets=[]).note == "to fit into 1 epoch instead of 8: schedule.warmup 2 -> 0.25"


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        ({"epochs": 0}, "epochs"), ({"device": "cuda:63"}, "cuda:63"),
        ({"gpus": 2, "device": "cpu"}, "gpus = 2 needs GPUs"),
        ({"seeds": "4-1"}, "runs backwards"), ({"keep": "some"}, "keep"), ({"model": "resnet21"}, "did you mean"),
    ],
)  # fmt: skip
def test_one_wrong_field_and_nothing_is_made(flags, problem):
    with pytest.raises(BadInput, match=problem):
        planned(**flags)
    assert not runs_root().exists()


def test_a_disk_without_room_for_all_runs_is_refused(monkeypatch):
    recipe = take(model="lenet").recipe
    one = PARTS.get("model", "lenet").meta["params"] * BYTES_PER_PARAMETER + SPARE_BYTES
    usage = type("usage", (), {"free": 3 * one})
    monkeypatch.setattr("tui.plans.plan.shutil.disk_usage", lambda place: usage)
    need_room(runs_root(), [(recipe, 3)], PARTS)
    with pytest.raises(BadInput, match="free; 4 runs of lenet need"):
        need_room(runs_root(), [(recipe, 4)], PARTS)
    other = take(model="resnet20").recipe
    with pytest.raises(BadInput, match="free; 4 runs of 2 models need"):
        need_room(runs_root(), [(recipe, 2), (other, 2)], PARTS)


def test_launching_makes_the_folders_first_and_starts_them_in_order():
    started = []

    def start(run):
        assert len(list(runs_root().glob("2*"))) == 2, "both folders are there before the first start"
        started.append(run.info().seed)

    runs = launch(planned(model="lenet", seeds="1,0"), start)
    assert started == [1, 0] == [run.info().seed for run in runs]
    info = RunFolder(runs[0].path).info()
    assert (info.preset, info.model) == ("quickstart", "lenet") and "--seed 1" in info.command


def test_a_supervisor_that_does_not_start_leaves_the_runs_before_it():
    def start(run):
        if run.info().seed == 1:
            raise StartFailed("no more processes")

    with pytest.raises(StartFailed):
        launch(planned(model="lenet", seeds="0-1"), start)
    assert len(list(runs_root().glob("2*"))) == 2
