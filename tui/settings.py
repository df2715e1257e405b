"""How the workbench looks in this terminal: by its options, else by the configuration file, else as the terminal can.

The file is `config.toml` in the configuration folder:

    [workbench]
    theme = "okabe-ito"
    glyphs = "block"
    colors = "256"
    smallest = 0.2

`smallest` is the smallest difference that matters, in points of accuracy: `runs compare` takes it as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

from engine.contract.errors import BadInput, nearest, nearest_or_all
from engine.contract.user_config import config_file, read_tables
from tui.drawing.format import GLYPHS
from tui.drawing.palette import PALETTES

COLORS: Final = ("auto", "256", "true")
"""What `--colors` takes."""
CHOICES: Final[dict[str, tuple[str, ...]]] = {"theme": tuple(PALETTES), "glyphs": GLYPHS, "colors": COLORS}
"""The values of each setting."""
SMALLEST: Final = 0.2
"""The smallest difference that matters, in points, where nothing else was chosen."""
TABLE: Final = "workbench"
"""The table of the configuration file that holds the settings."""
TABLES: Final = (TABLE, "placement", "slurm", "command")
"""All tables of the file; `tui.plans.configured` reads the others."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings; "" or 0 where nothing was chosen."""

    theme: str = ""
    glyphs: str = ""
    colors: str = ""
    smallest: float = 0.0

    def over(self, other: Settings) -> Settings:
        """These settings, and those of `other` where nothing was chosen."""
        unset = [field.name for field in fields(self) if not getattr(self, field.name)]
        return replace(self, **{name: getattr(other, name) for name in unset})


UNSET: Final = Settings()
"""Nothing chosen."""


def settings_of(options: Mapping[str, str | None], path: Path | None = None) -> Settings:
    """The settings of these options, completed by the configuration file.

    Raises:
        BadInput: a value is none of its choices, or the file cannot be read.
    """
    given = {name: value for name, value in options.items() if value}
    return _checked(given, "--").over(_read(path or config_file()))


def color_system(colors: str, environment: Mapping[str, str]) -> str:
    """Textual's name of the color system to use: by default 256 colors, unless COLORTERM says that there are more."""
    if colors in ("", "auto"):
        colors = "true" if environment.get("COLORTERM", "").lower() in ("truecolor", "24bit") else "256"
    return "truecolor" if colors == "true" else "256"


def _read(path: Path) -> Settings:
    table = read_tables(path)
    problems = [f"{path}: unknown table {key}{nearest(key, TABLES)}" for key in table.keys() - set(TABLES)]
    own = table.get(TABLE, {})
    if problems or not isinstance(own, dict):
        raise BadInput(problems or [f"{path}: {TABLE} is not a table"])
    return _checked(own, f"{path}: {TABLE}.")


def _checked(values: Mapping[str, Any], origin: str) -> Settings:
    problems = []
    for name, value in values.items():
        if name == "smallest":
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 100:
                problems.append(f"{origin}{name} is {value!r}; needs points of accuracy, above 0 and at most 100")
        elif name not in CHOICES:
            problems.append(f"{origin}{name} is not a setting{nearest(name, [*CHOICES, 'smallest'])}")
        elif value not in CHOICES[name]:
            problems.append(f"{origin}{name} is {value!r}{nearest_or_all(str(value), CHOICES[name])}")
    if problems:
        raise BadInput(problems)
    return Settings(**values)
