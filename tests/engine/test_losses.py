"""Losses on soft targets against scipy and torch."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import log_softmax, rel_entr, softmax

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Choice
from engine.losses import Loss, build_loss

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


def distil(**options: float) -> Loss:
    return build_loss(Choice(name="distillation", teacher="a run", **options))


@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0])
def test_the_teachers_share_is_t_squared_times_the_divergence_of_the_softened_outputs(temperature: float) -> None:
    logits, targets = batch()
    known, _ = batch(1)
    p, q = (softmax(each.numpy() / temperature, axis=1) for each in (known, logits))
    want = temperature**2 * rel_entr(p, q).sum(1).mean()
    got = distil(temperature=temperature, weight=1.0)(logits, targets, known)
    assert got.item() == pytest.approx(want, rel=1e-10)


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.9])
def test_labels_have_the_rest_of_the_weight(weight: float) -> None:
    logits, targets = batch()
    known, _ = batch(1)
    soft = F.kl_div(F.log_softmax(logits / 4, 1), F.softmax(known / 4, 1), reduction="batchmean") * 16
    hard = F.cross_entropy(logits, targets, label_smoothing=0.1)
    got = distil(temperature=4.0, weight=weight, label_smoothing=0.1)(logits, targets, known)
    torch.testing.assert_close(got, weight * soft + (1 - weight) * hard, rtol=1e-10, atol=0)


def test_at_a_high_temperature_it_matches_logits() -> None:
    """Section 2.1 of the paper: the gradient becomes (logits - known) / classes, both centred, over the batch."""
    logits, targets = batch()
    known, _ = batch(1)
    distil(temperature=1e4, weight=1.0)(logits.requires_grad_(), targets, known).backward()
    apart = logits.detach() - known
    want = (apart - apart.mean(1, keepdim=True)) / K / B
    torch.testing.assert_close(logits.grad, want, rtol=2e-3, atol=1e-4)


def test_a_student_that_says_what_its_teacher_says_has_nothing_to_learn_from_it() -> None:
    logits, targets = batch()
    logits.requires_grad_()
    loss = distil(weight=1.0)(logits, targets, logits.detach() + 3.0)
    loss.backward()
    assert loss.item() == pytest.approx(0.0, abs=1e-12)
    assert logits.grad.abs().max() < 1e-12


def test_low_precision_logits_of_both_are_compared_in_fp32() -> None:
    logits, targets = batch()
    known, _ = batch(1)
    with torch.autocast("cpu", torch.bfloat16):
        loss = distil()(logits.bfloat16(), targets.float(), known.bfloat16())
    want = distil()(logits.bfloat16().float(), targets.float(), known.bfloat16().float())
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, want, rtol=0, atol=0)


def test_every_loss_of_the_catalog_is_a_finite_scalar_that_the_right_answer_lowers() -> None:
    _, targets = batch()
    for part in catalog().parts("loss"):
        loss = build_loss(Choice(name=part.name, **part.defaults))
        heard = [5 * targets] if "teacher_logits" in part.positional else []
        right, wrong = loss(5 * targets, targets, *heard), loss(-5 * targets, targets, *heard)
        assert right.shape == () and right.isfinite() and right < wrong, part.name


def test_an_unknown_loss_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="unknown loss 'crossentropy'; did you mean cross_entropy"):
        build_loss(Choice(name="crossentropy"))
