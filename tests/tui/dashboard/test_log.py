"""Events as lines of a log."""

from tests.tui.dashboard.reading import view_of
from tests.tui.demo import Demo, write_run
from tui.dashboard.log import log_lines


def test_only_the_whole_log_has_the_traceback_of_a_failure(root):
    view = view_of(write_run(root, Demo(epochs_done=3, state="failed")))
    whole, newest = log_lines(view.history), log_lines(view.history, 3)
    assert "GPU memory: needed 2.1 GB more" in whole[-1].text == newest[-1].text
    assert any("torch.OutOfMemoryError" in line.text for line in whole)
    assert not any("Traceback" in line.text for line in newest) and len(newest) == 3
