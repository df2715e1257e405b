"""What the shell completes beyond commands and flags. A name that cannot be completed is no error."""

from __future__ import annotations

from engine.contract.errors import BadInput
from presets import loader, references, suites


def preset_names(incomplete: str) -> list[str]:
    """Presets that begin so; after `suite:` the published tables, and after their name the rows."""
    name, slash, _ = incomplete.removeprefix(references.SUITE).partition("/")
    if not incomplete.startswith(references.SUITE):
        found = [*loader.paths("recipes"), references.SUITE]
    elif not slash:
        found = [f"{references.SUITE}{suite}/" for suite in loader.paths("suites")]
    else:
        try:
            found = [f"{references.SUITE}{name}/{row.id}" for row in suites.load(name).rows]
        except BadInput:
            found = []
    return sorted(text for text in found if text.startswith(incomplete))


def suite_names(incomplete: str) -> list[str]:
    """Suites that begin so."""
    return sorted(name for name in loader.paths("suites") if name.startswith(incomplete))
