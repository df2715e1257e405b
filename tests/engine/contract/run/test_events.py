"""What the format of events promises."""

from engine.contract.run import events
from engine.contract.run.events import RunStarted


def test_reasons_are_what_the_command_line_promises():
    assert {"traceback", "gpu_memory", "diverged", "disk_full", "supervisor_lost", "reboot"} < set(events.REASONS)
    assert RunStarted().best_on == "test"
