"""How the ranks of a run on several GPUs failed: `failures/rank-N.json`, written by rank N alone.

The events file has one writer, the first rank, which may be unable to say why another rank ended.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from engine.contract.errors import BadInput
from engine.contract.files import make_folder, read_json, write_atomic
from engine.contract.run.links import refuse_links
from engine.contract.values import build

FOLDER: Final = "failures"
LOST: Final = "lost"
"""The reason of a rank that failed only because another one no longer answered."""

HUNG: Final = "hung"
"""The reason of a rank that gave up because some rank hangs; the message names the one that does."""


@dataclass(frozen=True, slots=True)
class RankFailure:
    """Why one rank failed, in the words of the Failed event."""

    rank: int
    reason: str
    message: str
    detail: str = ""

    @property
    def text(self) -> str:
        """The message, with the rank that it is about."""
        return self.message if self.reason == HUNG else f"rank {self.rank}: {self.message}"

    def write(self, run: Path) -> None:
        """Record it in the run folder. OSError or BadInput if that is not possible."""
        refuse_links(run)
        make_folder(run / FOLDER, exist_ok=True)
        write_atomic(run / FOLDER / f"rank-{self.rank}.json", json.dumps(asdict(self)).encode(), durable=False)


def cause(run: Path) -> RankFailure | None:
    """The failure of the lowest rank that did not fail only because of another one; None if there is none."""
    found = []
    for path in sorted((run / FOLDER).glob("rank-*.json")):
        table = read_json(path)
        try:
            found.append(build(RankFailure, table or {}))
        except TypeError:  # half of a record, or something else
            continue
    return min((one for one in found if one.reason != LOST), key=lambda one: one.rank, default=None)


def forget(run: Path) -> None:
    """Remove the records of an earlier attempt. A link in place of the folder is left alone."""
    try:
        refuse_links(run)
    except BadInput:
        return
    for path in (run / FOLDER).glob("rank-*.json"):
        path.unlink(missing_ok=True)
