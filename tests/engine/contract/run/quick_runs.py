"""Run folders by the thousand: what the index and its cache need of them, and no more."""

from pathlib import Path

from engine.contract.run.event_file import encode
from engine.contract.run.events import Epoch, Finished, RunStarted
from engine.contract.run.folder import RunFolder, RunInfo
from engine.contract.run.process import ExitRecord
from engine.contract.values import encode_table

EVENTS = "".join(
    encode(event) + "\n"
    for event in (RunStarted(t=1.0, epochs=2), Epoch(t=2.0, epoch=1, test_accuracy=0.5), Finished(t=3.0))
)


def build(root: Path, number: int) -> RunFolder:
    """An ended run, quicker than `create` makes one."""
    run = RunFolder(root / f"20260101-{number // 100:06d}-{number % 10_000:04d}")
    run.path.mkdir(parents=True)
    info = RunInfo(id=run.id, created=1e9 + number, seed=number, model="lenet", recipe_id="0" * 64)
    run.run_json.write_bytes(encode_table(info))
    run.events.write_text(EVENTS)
    run.exit.write_bytes(encode_table(ExitRecord("finished")))
    return run
