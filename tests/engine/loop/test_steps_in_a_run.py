"""Optimizers in a whole run: what a recipe's options do to what is evaluated, kept and reported."""

import pytest
import torch

from engine.contract.run import predictions
from engine.contract.run.events import Epoch
from engine.models.build import build_model


@pytest.mark.parametrize(
    ("averaging", "changes"),
    [
        ("off", {}),
        ("ema", {}),
        ("off", {"lookahead_alpha_end": 0.1, "lookahead_buffers": True}),
        ("ema", {"lookahead_alpha_end": 0.1, "lookahead_buffers": True}),
    ],
)
def test_with_lookahead_the_weights_that_are_kept_are_those_that_were_judged(make, tinier, averaging, changes):
    """Fifteen steps end between two meetings of every four."""
    optimizer = {"name": "sgd", "lr": 0.05, "lookahead": 4} | changes
    model = {"name": "airbench94", "width": 12}
    trial = make(tinier, batch_size=16, optimizer=optimizer, averaging=averaging, model=model)
    trial.go()
    model = build_model(trial.recipe.model, num_classes=len(trial.data.classes), image_size=32, catalog=trial.parts)
    model.load_state_dict(trial.weights())
    pixels = trial.data.test.images.float() / 255
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (trial.data.mean, trial.data.std))
    with torch.no_grad():
        logits = model.eval()((pixels - mean) / std)
    said = torch.from_numpy(predictions.read(trial.run.predictions).last).float()
    torch.testing.assert_close(logits - logits.amax(1, keepdim=True), said, rtol=1e-3, atol=1e-3)


def test_sharpness_aware_steps_report_the_loss_at_the_weights(make):
    """The first epoch's first loss is that of the start, whatever the radius."""
    losses = {}
    for rho in (0.0, 0.001, 5.0):
        optimizer = {"name": "sgd", "lr": 1e-6, "sharpness": "sam" if rho else "off", "rho": rho}
        trial = make(optimizer=optimizer, epochs=1)
        losses[rho] = next(event for event in trial.go() if isinstance(event, Epoch)).train_loss
    assert losses[0.001] == pytest.approx(losses[0.0], rel=1e-4)
    assert losses[5.0] == pytest.approx(losses[0.0], rel=1e-3)


def test_an_accumulated_sharpness_aware_step_is_that_of_the_whole_batch(make):
    ends = []
    for parts in (1, 4):
        trial = make(optimizer={"name": "sgd", "sharpness": "sam"}, compute={"precision": "fp32", "accumulate": parts})
        trial.go()
        ends.append(trial.weights())
    for name, whole in ends[0].items():
        torch.testing.assert_close(ends[1][name], whole, rtol=1e-3, atol=1e-4)
