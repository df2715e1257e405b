"""What TensorBoard's own reader finds in a folder of event files."""

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def accumulate(folder: Path) -> EventAccumulator:
    """Everything that the reader finds, with all points."""
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    found.Reload()
    return found


def curves(folder: Path) -> dict[str, list[tuple[int, float, float]]]:
    """(step, wall time, value) of every point, by tag."""
    found = accumulate(folder)
    return {
        tag: [(point.step, point.wall_time, point.value) for point in found.Scalars(tag)]
        for tag in found.Tags()["scalars"]
    }
