"""Runs to compare, and when everything is known of them."""

from engine.contract.run.store import summarize
from presets.loader import Edits
from tests.tui.demo import Demo, predict, write_run


def known(app):
    """Whether everything that there is to know of the marked runs has been read."""
    judged = app.screen._judged
    return judged is not None and judged.models is not None and judged.recipes is not None


def make_judged(home):
    """Four finished runs of 500 epochs with predictions: two seeds of one recipe, one each of two others."""
    edits = [None, None, Edits(sets=("averaging=ema",)), Edits(sets=("optimizer.lr=0.01",))]
    (home / "runs").mkdir()
    ids = []
    for seed, (change, shift) in enumerate(zip(edits, (0.0, 0.001, 0.014, -0.002), strict=True)):
        demo = Demo(epochs_done=500, state="finished", seed=seed, name="", edits=change, shift=shift)
        run = write_run(home / "runs", demo)
        predict(run, summarize(run).last_accuracy)
        ids.append(run.id)
    (home / "ids").write_text(" ".join(ids))
