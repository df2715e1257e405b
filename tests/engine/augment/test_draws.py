"""The packing of draws, and where their random numbers come from."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.augment.draws import Draws, generator

ARRAYS = st.one_of(
    hnp.arrays(
        np.float64, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4), elements=st.floats(-1e3, 1e3)
    ),
    hnp.arrays(np.int32, hnp.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=5)),
    hnp.arrays(np.bool_, hnp.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=5)),
)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), ARRAYS), max_size=3))
def test_what_was_drawn_arrives_unchanged(per_op):
    params = Draws(per_op).on(torch.device("cpu"))
    assert [set(arrays) for arrays in per_op] == [set(tensors) for tensors in params]
    for arrays, tensors in zip(per_op, params, strict=True):
        for name, values in arrays.items():
            dtype = np.float32 if values.dtype.kind == "f" else np.int64
            np.testing.assert_array_equal(tensors[name].numpy(), values.astype(dtype))


def test_a_step_is_one_buffer_of_which_all_parameters_are_views():
    first, second = Draws([{"a": np.zeros(3)}, {"b": np.arange(5)}]).on(torch.device("cpu"))
    assert first["a"].untyped_storage().data_ptr() == second["b"].untyped_storage().data_ptr()


def test_random_numbers_differ_by_each_of_seed_epoch_step_and_place():
    base = (3, 5, 7, 1)
    streams = {base: generator(*base).random(8).tobytes()}
    for i in range(4):
        for change in (1, 2):
            key = tuple(value + change * (j == i) for j, value in enumerate(base))
            streams[key] = generator(*key).random(8).tobytes()
    streams[(5, 3, 1, 7)] = generator(5, 3, 1, 7).random(8).tobytes()
    assert len(set(streams.values())) == len(streams) == 10
    assert generator(*base).random(8).tobytes() == streams[base]


@pytest.mark.parametrize("seed", [0, 2**63, 2**64 - 1])
def test_any_64_bit_seed_works(seed):
    assert 0 <= generator(seed, 0, 0, 0).random() < 1
