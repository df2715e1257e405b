"""Values are made once for what they are made from, and one is kept for each name."""

import weakref

import numpy as np

from tui.drawing.kept import Kept, Same


def test_a_value_is_made_again_only_when_what_it_is_made_from_has_changed():
    kept, made = Kept(), []

    def make(value):
        return lambda: made.append(value) or value

    assert [kept.get("a", key, make(key)) for key in ((1, [2]), (1, [2]), (1, [3]), (1, [2]))] == [
        (1, [2]), (1, [2]), (1, [3]), (1, [2]),
    ]  # fmt: skip
    assert made == [(1, [2]), (1, [3]), (1, [2])]


def test_names_do_not_share_a_value_and_none_is_a_value_too():
    kept = Kept()
    assert kept.get("a", 1, lambda: None) is None and kept.get("b", 1, lambda: 2) == 2
    assert kept.get("a", 1, lambda: 3) is None


def test_only_the_last_value_of_a_name_is_held():
    class Large:
        pass

    kept = Kept()
    first = weakref.ref(kept.get("a", 1, Large))
    kept.get("a", 2, Large)
    assert first() is None


def test_an_array_is_the_same_only_as_itself_and_is_held_so_that_its_id_stays_taken():
    one = np.zeros(3)
    assert Same(one) == Same(one) and hash(Same(one)) == hash(Same(one))
    assert Same(one) != Same(np.zeros(3)) and Same(one) != id(one)
    held = Same(np.zeros(3))
    assert all(held != Same(np.zeros(3)) for _ in range(100))
