"""Each seed counts once, against a plain dictionary of the newest runs."""

from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.seeds import left_out, one_a_seed, repeated

runs = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)))  # (seed, age)


def seed(run: tuple[int, int]) -> int:
    return run[0]


@given(runs)
def test_the_newest_run_of_each_seed_counts(found):
    kept, left_out = one_a_seed(found, seed, lambda run: run[1])
    assert sorted(kept + left_out) == sorted(found)
    assert dict(kept) == {number: max(age for other, age in found if other == number) for number, _ in found}
    assert kept == sorted(kept, key=found.index), "in the order given"
    assert (repeated(left_out, seed) == "") == (len(kept) == len(found))


def test_repeats_are_a_sentence():
    text = "seed 0 is listed twice and counts once; seed 3 is listed 3 times and counts once"
    assert repeated([(3, 0), (0, 0), (3, 0)], seed) == text


def test_runs_that_are_left_out_are_counted_with_their_reasons():
    assert left_out(["", "", ""]) == ""
    assert left_out(["", "wrong crop"]) == "1 left out: wrong crop"
    assert left_out(["wrong crop", "", "wrong crop"]) == "2 left out: wrong crop"
    assert left_out(["wrong crop", "noise", "wrong crop"]) == "3 left out: wrong crop (twice), noise"
