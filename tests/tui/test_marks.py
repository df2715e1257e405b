"""A run keeps its slot from its mark to its unmarking, whatever joins or leaves, and over a restart."""

import json

from tui.marks import assign, from_table, to_table


def test_a_slot_stays_while_others_come_and_go_and_a_free_one_is_taken_again(make_run, workbench):
    runs = [make_run(seed=seed) for seed in range(4)]
    workspace = workbench().workspace
    for run in runs[:3]:
        workspace.toggle_mark(run)
    assert [workspace.slot(run) for run in runs] == [0, 1, 2, None]
    workspace.toggle_mark(runs[0])
    assert [workspace.slot(run) for run in runs[1:3]] == [1, 2]
    workspace.toggle_mark(runs[3])
    assert workspace.slot(runs[3]) == 0 and workspace.marked == [runs[1], runs[2], runs[3]]
    workspace.undo_stack.undo()
    workspace.undo_stack.undo()
    assert [workspace.slot(run) for run in runs] == [0, 1, 2, None]


def test_the_ninth_run_is_marked_without_a_slot(make_run):
    runs = [make_run(seed=seed) for seed in range(9)]
    slots = assign(runs, {})
    assert list(slots.values()) == [*range(8), None]
    assert assign(runs[1:], slots)[runs[8]] == 0


def test_runs_shown_beside_the_marked_ones_borrow_free_slots(make_run, workbench):
    one, two, other = (make_run(seed=seed) for seed in range(3))
    workspace = workbench().workspace
    workspace.marked = [one, two]
    assert workspace.slots_of([other, two, one]) == [2, 1, 0] and workspace.slot(other) is None


def test_marks_are_there_again_after_a_restart(make_run, workbench):
    runs = [make_run(seed=seed) for seed in range(3)]
    workspace = workbench().workspace
    for run in runs:
        workspace.toggle_mark(run)
    workspace.toggle_mark(runs[0])
    again = workbench().workspace
    assert again.marked == runs[1:] and [again.slot(run) for run in runs] == [None, 1, 2]


def test_marks_of_runs_that_are_gone_and_damaged_entries_are_left_out(make_run, root):
    run, gone = make_run(), make_run(seed=1)
    table = json.loads(json.dumps(to_table({run: 3, gone: 4})))
    gone.path.rename(root.parent / gone.id)
    assert from_table([*table, "x", [1, 2], [str(run.path)]], [root]) == {run: 3}
    assert from_table(None, [root]) == {} and from_table([[str(run.path), 99]], [root]) == {run: None}
