"""Many runs: checked as a whole, nothing started twice, what stopped goes on, one failure holds up no other."""

import dataclasses

import pytest

from engine.contract.errors import BadInput, StartFailed
from engine.contract.recipe.catalog import catalog
from engine.contract.run.index import Index
from engine.contract.run.store import runs_root
from tui.plans import batch as batch_module
from tui.plans.batch import alone, carry_out, prepare
from tui.plans.cost import Cost
from tui.plans.words import describe

PARTS = catalog()


def actions(batch):
    return [(job.label, job.seed, job.action) for job in batch.jobs]


def recipe_of(one):
    return one.resolution.recipe


def test_everything_is_missing_at_first(lenet, item, ready):
    batch = ready(lenet, item("res"), seeds=(0, 2))
    assert actions(batch) == [("lenet", 0, "start"), ("lenet", 2, "start"), ("res", 0, "start"), ("res", 2, "start")]
    for job in batch.jobs:
        assert job.plan is not None
        assert job.plan.seeds == (job.seed,) and f"--seed {job.seed}" in job.plan.commands[0]
    assert not runs_root().exists(), "preparing writes nothing"


def test_what_is_there_already_is_left_resumed_or_started_by_its_state(lenet, ended_run, ready):
    recipe = recipe_of(lenet)
    for seed, state in enumerate(("finished", "stopped", "preempted", "failed", "lost")):
        ended_run(recipe, seed, (0.5,) * 3, state=state)
    batch = ready(lenet, seeds=range(6))
    assert [job.action for job in batch.jobs] == ["finished", "resume", "resume", "failed", "resume", "start"]
    assert [job.action for job in ready(lenet, seeds=(3,), retry=True).jobs] == ["resume"]
    assert [job.seed for job in batch.to_do] == [1, 2, 4, 5]


def test_a_finished_run_wins_over_one_that_stopped_and_a_live_one_over_both_others(
    lenet, ended_run, monkeypatch, ready
):
    recipe = recipe_of(lenet)
    done = ended_run(recipe, 0, (0.5,) * 3)
    ended_run(recipe, 0, (0.5,), state="stopped")
    assert [(job.action, job.run.id) for job in ready(lenet).jobs] == [("finished", done.id)]
    rows = Index().rows([runs_root()])
    live = [dataclasses.replace(row, status="queued") if row.status == "stopped" else row for row in rows]
    live = [dataclasses.replace(row, status="failed") if row.status == "finished" else row for row in live]
    assert [job.action for job in ready(lenet, known=live).jobs] == ["live"]


def test_a_run_that_is_left_out_is_started_anew_and_the_batch_says_why(lenet, ended_run, ready):
    run = ended_run(recipe_of(lenet), 0, (0.5,) * 3)
    run.add_label(excluded="wrong crop")
    batch = ready(lenet)
    assert [job.action for job in batch.jobs] == ["start"] and batch.left_out == "1 left out: wrong crop"
    assert "1 left out: wrong crop; to start anew if no other run counts" in describe(batch, Cost(0.0, 0, (), 1), "")
    run.add_label(excluded="")
    batch = ready(lenet)
    assert [job.action for job in batch.jobs] == ["finished"] and batch.left_out == ""


@pytest.mark.usefixtures("mortal")
def test_a_run_that_a_colleague_has_closed_is_started_anew(lenet, ended_run, ready):
    run = ended_run(recipe_of(lenet), 0, (0.5,), state="stopped")
    for name in ("exit.json", "events.jsonl"):
        (run.path / name).chmod(0)
    assert [(row.recipe_id, row.reason) for row in Index().rows([runs_root()])] == [
        (run.info().recipe_id, "permission_denied")
    ]
    assert [job.action for job in ready(lenet).jobs] == ["start"]


def test_a_stopped_run_in_a_folder_that_is_only_looked_at_is_started_anew(lenet, ended_run, tmp_path):
    ended_run(recipe_of(lenet), 0, (0.5,), state="stopped")
    found = prepare([lenet], (0,), [tmp_path / "mine", runs_root()], PARTS)
    assert [job.action for job in found.jobs] == ["start"]


def test_the_same_recipe_and_seed_runs_once(lenet, item, ready):
    batch = ready(lenet, item("again", "model=lenet"), seeds=(0, 1))
    assert [(job.label, job.action, job.same_as) for job in batch.jobs] == [
        ("lenet", "start", ""), ("lenet", "start", ""), ("again", "repeat", "lenet"), ("again", "repeat", "lenet"),
    ]  # fmt: skip


def test_one_bad_item_and_all_problems_are_named_each_once(lenet, item, ready):
    with pytest.raises(BadInput) as caught:
        ready(lenet, item("a", "epochs=0"), item("b", "epochs=0"), item("c", "optimizer.lr=x"))
    first, second = caught.value.problems
    assert first.startswith("a, b: ") and "epochs" in first
    assert second.startswith("c: ") and "lr" in second
    assert not runs_root().exists()


def test_a_device_that_is_not_there_is_refused_before_anything_starts(lenet, item, ready):
    with pytest.raises(BadInput, match="cuda:63"):
        ready(lenet, item("gpu", device="cuda:63"))


def test_a_disk_that_cannot_hold_all_of_them_is_refused(lenet, monkeypatch, ready):
    usage = type("usage", (), {"free": 50_000_000})
    monkeypatch.setattr("tui.plans.plan.shutil.disk_usage", lambda place: usage)
    ready(lenet, seeds=(0, 1))
    with pytest.raises(BadInput, match="has 50 MB free; 3 runs of lenet need 66 MB"):
        ready(lenet, seeds=(0, 1, 2))
    usage.free = 700_000
    with pytest.raises(BadInput, match="has 700 kB free; 1 run of lenet needs 22 MB"):
        ready(lenet)


def test_more_waiting_runs_than_the_memory_holds_are_refused(lenet, monkeypatch, ready):
    memory = type("memory", (), {"available": 5 * batch_module.WAITING_BYTES})
    monkeypatch.setattr("tui.plans.batch.psutil.virtual_memory", lambda: memory)
    ready(lenet, seeds=(0, 1))
    with pytest.raises(BadInput, match="3 waiting runs need"):
        ready(lenet, seeds=(0, 1, 2))


def test_runs_are_started_in_order_and_a_failure_holds_up_no_other(lenet, item, ready):
    begun = []

    def start(folder):
        begun.append((folder.info().model, folder.info().seed))
        if folder.info().seed == 1:
            raise StartFailed("no more processes")

    done = list(carry_out(ready(lenet, item("res"), seeds=(0, 1)), {}, start=start))
    assert begun == [("lenet", 0), ("lenet", 1), ("resnet20", 0), ("resnet20", 1)]
    assert [bool(one.error) for one in done] == [False, True, False, True]
    assert all(one.run for one in done)


def test_resumed_runs_take_over_the_placement_that_was_asked_for(lenet, ended_run, ready):
    stopped = ended_run(recipe_of(lenet), 0, (0.5,), state="stopped")
    told = []
    done = list(
        carry_out(ready(lenet), {"device": "cpu"}, resume=lambda folder, changed, say: told.append((folder, changed)))
    )
    assert told == [(stopped, {"device": "cpu"})]
    assert [one.run for one in done] == [stopped.id]


def test_starting_stops_where_the_user_interrupts_and_goes_on_with_the_same_command(lenet, ready):
    def start(folder):
        if folder.info().seed == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(carry_out(ready(lenet, seeds=(0, 1, 2)), {}, start=start))
    assert [job.action for job in ready(lenet, seeds=(0, 1, 2)).jobs] == ["live", "live", "start"]


def test_two_commands_do_not_start_the_same_runs_at_once():
    with alone(runs_root()), pytest.raises(BadInput, match="another command is starting runs"), alone(runs_root()):
        pass
    with alone(runs_root()):
        pass
