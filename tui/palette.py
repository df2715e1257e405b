"""What the palette finds besides commands: sections, runs, presets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.fuzzy import Matcher
from textual.markup import escape

from engine.contract.text import one_line
from presets.loader import list_presets
from tui.host import Host
from tui.keys.common import MODES

MOST: Final = 30
"""Hits that one search offers."""

Entry = tuple[str, str, Callable[[], None]]
"""What is shown and matched, its explanation, and what it does."""


class _Entries(Provider):
    """A provider over a list of entries."""

    DISCOVER = 0
    """How many entries are offered before anything is typed."""

    @property
    def workbench(self) -> Host:
        return cast(Host, self.app)

    def entries(self) -> Iterable[Entry]:
        """All entries, the likely ones first."""
        raise NotImplementedError

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        found = 0
        for text, help_text, act in self.entries():
            score = matcher.match(text)
            if score > 0 and found < MOST:
                found += 1
                yield Hit(score, highlighted(text, matcher), act, text=text, help=escape(help_text))

    async def discover(self) -> Hits:
        for text, help_text, act in list(self.entries())[: self.DISCOVER]:
            yield DiscoveryHit(Content(text), act, text=text, help=escape(help_text))


def highlighted(text: str, matcher: Matcher) -> Content:
    """The text with the letters that matched set off. Textual's own way would read markup in the text."""
    content = Content(text)
    _, places = matcher.fuzzy_search.match(matcher.query, text)
    for place in places:
        content = content.stylize("bold underline", place, place + 1)
    return content


class Sections(_Entries):
    """The six sections; Results is also found as Runs."""

    DISCOVER = 6

    def entries(self) -> Iterable[Entry]:
        for number, (mode, title) in enumerate(MODES.items(), start=1):
            name = "Results (all runs)" if mode == "results" else title
            yield name, f"key {number}", partial(self.workbench.action_go, mode)


class Runs(_Entries):
    """Every run, by id, recipe, name and tags."""

    def entries(self) -> Iterable[Entry]:
        for row in self.workbench.session.summaries():
            words = [row.id[-4:], row.preset or row.model, row.name, *row.tags]
            text = one_line("run " + " ".join(word for word in words if word), 60)
            act = partial(self.workbench.open_run, self.workbench.session.folder(row))
            yield text, one_line(f"{row.status}  {row.changes}", 60), act


class Presets(_Entries):
    """Every preset: opens New run filled in."""

    def entries(self) -> Iterable[Entry]:
        for info in list_presets():
            act = partial(self.workbench.new_run, {"preset": info.name})
            yield f"new run: {info.name}", one_line(info.title, 60), act


class Suites(_Entries):
    """Every published table: reported and measured, and the way to queue its rows."""

    DISCOVER = 1

    def entries(self) -> Iterable[Entry]:
        yield "suites (published tables)", "reported and measured", partial(self.workbench.show_suite, "")
        for info in list_presets("suites"):
            yield f"suite: {info.name}", one_line(info.title, 60), partial(self.workbench.show_suite, info.name)
