"""The top bar: sections, host, and how many runs are live."""

from rich.cells import cell_len

from tests.tui.reading import line_of
from tui.drawing.top_bar import top_bar


def test_the_top_bar_has_sections_host_and_live_runs():
    assert line_of(top_bar("dashboard", "gpubox", 0, 0, 80)).endswith("6 Inspect        gpubox")
    assert line_of(top_bar("dashboard", "gpubox", 2, 3, 120)).endswith("gpubox   ● 2 running   ◌ 3 queued")
    assert line_of(top_bar("dashboard", "gpubox", 2, 3, 80)).endswith("gpubox ●2 ◌3")
    assert (" 1 Dashboard ", "tab") in top_bar("dashboard", "gpubox", 0, 0, 80)
    narrow = line_of(top_bar("results", "a-host-with-a-very-long-name", 1, 0, 60))
    assert "2 Results" in narrow and "6" in narrow and cell_len(narrow) <= 60
