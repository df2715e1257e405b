"""The undo stack: last in, first out, bounded, and an action that cannot be undone is forgotten."""

import pytest

from engine.contract.errors import BadInput
from tui.undo import MAX_ACTIONS, UndoStack


def test_the_last_action_is_undone_first():
    stack, undone = UndoStack(), []
    for name in ("a", "b"):
        stack.push(f"did {name}", lambda name=name: undone.append(name))
    assert [stack.undo().description, stack.undo().description, stack.undo()] == ["did b", "did a", None]
    assert undone == ["b", "a"]


def test_an_action_that_cannot_be_undone_is_forgotten():
    stack, undone = UndoStack(), []

    def refuse():
        raise BadInput("gone")

    stack.push("before", lambda: undone.append("before"))
    stack.push("refused", refuse)
    with pytest.raises(BadInput, match="gone"):
        stack.undo()
    assert stack.undo().description == "before" and undone == ["before"]


def test_only_so_many_actions_are_remembered():
    stack = UndoStack()
    for number in range(MAX_ACTIONS + 5):
        stack.push(str(number), lambda: None)
    undone = []
    while action := stack.undo():
        undone.append(action.description)
    assert undone == [str(number) for number in range(MAX_ACTIONS + 4, 4, -1)]
