"""Shell completion of names. An unreadable file means no completions, not an error.

Nearly every command offers these functions to the shell, so presets are imported only when they are called.
"""

from __future__ import annotations


def preset_names(incomplete: str) -> list[str]:
    """Presets that start with the text; after `suite:` the suites, and after a suite's name its rows."""
    from engine.contract.errors import BadInput
    from presets import loader, references, suites

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
    """Suites that start with the text."""
    from presets import loader

    return sorted(name for name in loader.paths("suites") if name.startswith(incomplete))
