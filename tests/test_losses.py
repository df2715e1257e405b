"""Cross entropy on soft targets against scipy and torch."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import log_softmax, softmax

from engine.contract.catalog import catalog
from engine.contract.errors import BadInput
from engine.contract.recipe import Choice
from engine.losses import build_loss

B, K = 6, 10


def batch(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    targets = rng.dirichlet(np.full(K, 0.3), B)
    return torch.from_numpy(4 * rng.standard_normal((B, K))), torch.from_numpy(targets)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.4])
def test_it_is_the_mean_of_minus_target_times_log_softmax(smoothing: float) -> None:
    logits, targets = batch()
    smooth = (1 - smoothing) * targets.numpy() + smoothing / K
    want = -(smooth * log_softmax(logits.numpy(), axis=1)).sum(1).mean()
    loss = build_loss(Choice(name="cross_entropy", label_smoothing=smoothing))
    assert loss(logits, targets).item() == pytest.approx(want, rel=1e-12)


def test_its_gradient_is_softmax_minus_target_over_the_batch() -> None:
    logits, targets = batch()
    build_loss(Choice(name="cross_entropy"))(logits.requires_grad_(), targets).backward()
    want = (softmax(logits.detach().numpy(), axis=1) - targets.numpy()) / B
    np.testing.assert_allclose(logits.grad.numpy(), want, atol=1e-14)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_one_hot_targets_equal_torchs_class_indices(smoothing: float) -> None:
    logits, _ = batch()
    labels = torch.arange(B)
    got = build_loss(Choice(name="cross_entropy", label_smoothing=smoothing))(logits, F.one_hot(labels, K).double())
    torch.testing.assert_close(got, F.cross_entropy(logits, labels, label_smoothing=smoothing), rtol=1e-12, atol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_logits_are_summed_in_fp32_inside_autocast_too(dtype: torch.dtype) -> None:
    logits, targets = batch()
    low = logits.to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        loss = build_loss(Choice(name="cross_entropy"))(low, targets.float())
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, F.cross_entropy(low.float(), targets.float()), rtol=0, atol=0)


def test_every_loss_of_the_catalog_is_a_finite_scalar_that_the_right_answer_lowers() -> None:
    _, targets = batch()
    for part in catalog().parts("loss"):
        loss = build_loss(Choice(name=part.name, **part.defaults))
        right, wrong = loss(5 * targets, targets), loss(-5 * targets, targets)
        assert right.shape == () and right.isfinite() and right < wrong, part.name


def test_an_unknown_loss_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="unknown loss 'crossentropy'; did you mean cross_entropy"):
        build_loss(Choice(name="crossentropy"))
