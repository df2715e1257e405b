"""What the command palette finds: what the keys of the screen do, sections, runs, presets and suites."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Final, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.fuzzy import Matcher
from textual.markup import escape

from engine.contract.text import one_line
from presets.loader import list_presets
from tui.comparisons import saved
from tui.host import Host
from tui.keys.common import MODES
from tui.keys.key import Key, key_names
from tui.keys.press import act, rows_of

MAX_HITS: Final = 30
"""Hits that one search shows."""

Entry = tuple[str, str, Callable[[], None]]
"""The text that is shown and matched, its explanation, and the action."""


class _Entries(Provider):
    """A provider over a list of entries."""

    DISCOVER = 0
    """How many entries are shown before anything is typed."""

    @property
    def workbench(self) -> Host:
        return cast(Host, self.app)

    def entries(self) -> Iterable[Entry]:
        """All entries, the likeliest first."""
        raise NotImplementedError

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        found = 0
        for text, help_text, action in self.entries():
            score = matcher.match(text)
            if score > 0 and found < MAX_HITS:
                found += 1
                yield Hit(score, highlighted(text, matcher), action, text=text, help=escape(help_text))

    async def discover(self) -> Hits:
        for text, help_text, action in list(self.entries())[: self.DISCOVER]:
            yield DiscoveryHit(Content(text), action, text=text, help=escape(help_text))


def highlighted(text: str, matcher: Matcher) -> Content:
    """The text with the matching letters in bold. Textual's own highlighting would interpret markup in the text."""
    content = Content(text)
    _, places = matcher.fuzzy_search.match(matcher.query, text)
    for place in places:
        content = content.stylize("bold underline", place, place + 1)
    return content


class ActionEntries(Provider):
    """Everything that the keys of the screen do, each with its key: typing its label finds it."""

    def _rows(self) -> list[Key]:
        return [row for row in rows_of(self.screen) if row.action != "app.command_palette"]

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for row in self._rows():
            score = matcher.match(row.label)
            if score > 0:
                text = highlighted(row.label, matcher)
                yield Hit(score, _with_key(text, row), self._command(row), text=row.label, help=escape(row.help))

    async def discover(self) -> Hits:
        for row in getattr(self.screen, "KEYS", ()):
            text = Content(row.label)
            yield DiscoveryHit(_with_key(text, row), self._command(row), text=row.label, help=escape(row.help))

    def _command(self, row: Key) -> Callable[[], Awaitable[None]]:
        return partial(act, self.screen, row)


def _with_key(label: Content, row: Key) -> Content:
    return Content.assemble(label, ("  " + key_names(row), "bold $primary"))


class SectionEntries(_Entries):
    """The six sections. Results is also found by typing "runs"."""

    DISCOVER = 6

    def entries(self) -> Iterable[Entry]:
        for number, (mode, title) in enumerate(MODES.items(), start=1):
            name = "Results (all runs)" if mode == "results" else title
            yield name, f"key {number}", partial(self.workbench.action_go, mode)


class RunEntries(_Entries):
    """Every run, by its id, preset, name and tags."""

    def entries(self) -> Iterable[Entry]:
        for row in self.workbench.workspace.summaries():
            words = [row.id[-4:], row.recipe_name, row.name, *row.tags]
            text = one_line("run " + " ".join(word for word in words if word), 60)
            action = partial(self.workbench.open_run, self.workbench.workspace.folder(row))
            yield text, one_line(f"{row.status}  {row.changes}", 60), action


class PresetEntries(_Entries):
    """Every preset; choosing one opens New run with the form filled in."""

    def entries(self) -> Iterable[Entry]:
        for info in list_presets():
            action = partial(self.workbench.new_run, {"preset": info.name})
            yield f"new run: {info.name}", one_line(info.title, 60), action


class ComparisonEntries(_Entries):
    """Every saved comparison, by its name."""

    def entries(self) -> Iterable[Entry]:
        for one in saved():
            yield f"comparison: {one.name}", one.summary, partial(self.workbench.show_comparison, one.name)


class SuiteEntries(_Entries):
    """Every published table, with the measured figures beside the reported ones; its rows can be queued there."""

    DISCOVER = 1

    def entries(self) -> Iterable[Entry]:
        yield "suites (published tables)", "reported and measured accuracies", partial(self.workbench.show_suite, "")
        for info in list_presets("suites"):
            yield f"suite: {info.name}", one_line(info.title, 60), partial(self.workbench.show_suite, info.name)
