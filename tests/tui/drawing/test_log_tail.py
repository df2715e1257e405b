"""The newest lines of a log: their order, whole errors, and no control characters."""

from tests.tui.reading import HOSTILE, text_of
from tui.drawing.log_tail import LogLine, log_tail


def test_the_newest_line_is_on_top_and_errors_are_never_cut():
    lines = [LogLine(0, "old"), LogLine(0, "new"), LogLine(0, "failed: " + "word " * 20, "error")]
    text = text_of(log_tail(lines, "", 60, 6)).splitlines()
    assert text[0].startswith("━ log ─") and text[0].endswith("l larger ─")
    assert " ".join(text[1:3]).split() == ("failed: " + "word " * 20).split()
    assert text[3].strip() == "new"


def test_a_log_line_cannot_control_the_terminal():
    text = text_of(log_tail([LogLine(0, HOSTILE + "\x9b2J\u202e")], "", 60, 3))
    assert "[@click=app.quit]boo[/b]" in text
    assert not {"\x1b", "\x9b", "\u202e"} & set(text)
