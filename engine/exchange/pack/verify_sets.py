"""Check the results of a run on further test sets."""

from __future__ import annotations

from collections.abc import Iterator

from engine.analysis.between_sets import shares_right
from engine.analysis.further import averaged
from engine.contract.run import predicted
from engine.contract.run.folder import RunFolder
from engine.contract.run.predicted import Predicted
from engine.exchange.pack.checks import TOLERANCE, Check, hash_of


def further_sets(run: RunFolder) -> Iterator[Check]:
    """The results on further test sets: the hash of the answers, and the accuracy that they give."""
    for path in sorted(run.predicted.glob("*.json")):
        what = f"predicted/{path.name}"
        entry = predicted.entry_in(path)
        if entry is None:
            yield Check(what, "bad", "damaged, or not under its own name")
            continue
        sha256, size = str(entry.arrays.get("sha256", "")), int(entry.arrays.get("bytes", -1))
        arrays = hash_of(f"predicted/{entry.stem}.npz", run.predicted / f"{entry.stem}.npz", sha256, size)
        yield arrays
        if arrays.result == "ok":
            yield _accuracy_on(run, entry, what)


def _accuracy_on(run: RunFolder, entry: Predicted, what: str) -> Check:
    try:
        found = predicted.answered(run, entry)
    except (OSError, ValueError) as error:
        return Check(what, "bad", str(error))
    if not entry.labeled:
        return Check(what, "ok", f"{entry.images} images without labels")
    if entry.corrupted:
        names = {row["name"] for row in averaged(entry)}
        right, images = float(shares_right(found, names).mean()), entry.originals
        figures = f"{images} images, {len(names)} corruptions"
    else:
        right, images = float((found.logits.argmax(axis=1) == found.labels).mean()), entry.images
        figures = f"{round(right * images)} of {images} correct"
    if abs(right - entry.accuracy) * images > TOLERANCE:
        return Check(what, "bad", f"the answers give an accuracy of {right:.4f}, {entry.accuracy:.4f} is recorded")
    return Check(what, "ok", f"{figures}, as recorded")
