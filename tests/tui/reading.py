"""Reads lines of styled text the way a test compares them."""

from rich.cells import cell_len

HOSTILE = "\x1b[2J[@click=app.quit]boo[/b]\n"
"""Text that would clear the screen and run an action if it reached the terminal."""


def text_of(lines):
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)


def line_of(line):
    return text_of([line])


def fits(lines, width, height):
    return len(lines) <= height and all(sum(cell_len(text) for text, _ in line) <= width for line in lines)
