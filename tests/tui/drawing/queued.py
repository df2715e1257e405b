"""A queue with runs of every kind, and runs that have ended."""

from engine.contract.run.store import Summary
from engine.launch.queue import Ticket
from tests.tui.demo import summary
from tui.drawing.queue_table import Queued, QueueSection, sections

NOW = 1_795_000_000.0
GPUS = ("GPU-8a1f22d0-7b1c", "GPU-11aa33bb-7b1c")


def every_section() -> list[QueueSection]:
    """One run that has its device, one without a supervisor, two that wait, and two that a scheduler has."""
    ids = [f"20261122-101530-k3f{i}" for i in range(6)]
    running = summary(id=ids[0], preset="resnet34_cutmix", status="running", epoch=111, epochs=500, epoch_seconds=10.0,
                  phase="training", changes="lr 0.01", seed=3)  # fmt: skip
    waiting = summary(id=ids[2], preset="resnet34_cutmix", status="queued", epochs=500, note="behind k3f0 on cuda:0")
    job = summary(id=ids[4], preset="wrn28_10_ricap", status="queued", epochs=200,
              note="Slurm job 1234567_4: pending (Priority), expected to start 12:30")  # fmt: skip
    handed = summary(id=ids[5], preset="wrn28_10_ricap", status="queued", epochs=200, note="handed over; not begun")

    def ticket(i, number, candidates=GPUS, held=(), place=0, count=1, supervised=True):
        return Ticket(number, ids[i], f"/runs/{ids[i]}", candidates, count, NOW - 90 - i, held, place, supervised)

    found = [
        Queued(ticket(0, 1, held=GPUS[:1]), running, "■", "run-1"),
        Queued(ticket(1, 2, held=GPUS[1:], supervised=False)),
        Queued(ticket(2, 3, ("cuda:0", "cuda:1"), place=1, count=2), waiting),
        Queued(ticket(3, 4, ("cpu",), place=1), None),
        Queued(ticket(4, 0, ("Slurm job 1234567_4",)), job),
        Queued(ticket(5, 0, ("a command",)), handed),
    ]
    return sections(found, NOW)


def ended_runs() -> list[Summary]:
    """Two runs that have ended within a day, one that ended earlier, one that is live, and one that was imported."""
    return [
        summary(id="x-old1", ended=NOW - 90_000.0),
        summary(id="x-done", ended=NOW - 7200.0, seconds=5000.0),
        summary(id="x-fail", ended=NOW - 60.0, status="failed", reason="gpu_memory", message="needed 2.1 GB more",
                last_accuracy=None, changes="lr 0.01"),
        summary(id="x-live", ended=0.0, status="running"),
        summary(id="x-timm", ended=NOW - 60.0, layout="timm"),
    ]  # fmt: skip
