"""What a recipe, its model and its data do not allow together."""

import pytest

from engine.contract.errors import BadInput
from engine.contract.run.events import Finished, Stopped


def test_fewer_images_than_a_batch_are_refused(make):
    problem = r"batch_size = 400: the training set has only 330 images; use a smaller batch or more training images"
    with pytest.raises(BadInput, match=problem):
        make(batch_size=400, last_batch="keep").go()


@pytest.mark.parametrize(
    "changes", [{"batch_size": 1}, {"batch_size": 8, "compute": {"precision": "fp32", "accumulate": 8}},
                {"batch_size": 109, "last_batch": "keep"}],
)  # fmt: skip
def test_one_image_alone_is_refused_where_batch_norm_needs_two_before_the_first_step(make, changes):
    """Of a net that is not ours, too; in the 330 images of the tests, batches of 109 leave 3, and those of 47 leave 1."""
    lonely = make(model="pixel_norm_net", **changes | ({"batch_size": 47} if "last_batch" in changes else {}))
    with pytest.raises(BadInput, match="pixel_norm_net normalizes maps of 1x1 px, which needs at least two images"):
        lonely.go()
    assert not lonely.run.checkpoints.exists()
    if "last_batch" in changes:
        assert isinstance(make(model="pixel_norm_net", epochs=1, **changes).go()[-1], Finished)


def test_one_image_alone_trains_a_net_whose_batch_norm_sees_whole_maps(make):
    assert isinstance(make(model="dropout_net", batch_size=1).go(stop_after=3)[-1], Stopped)
