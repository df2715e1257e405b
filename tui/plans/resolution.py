"""What drafts come to. Each recipe is resolved once, however many checks, messages and runs depend on it."""

from __future__ import annotations

from typing import Final

from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Recipe
from presets import loader, references
from presets.loader import Edits
from presets.shrink import fit
from presets.swap import names_a_part
from tui.plans.draft import Draft

UNCHANGED: Final = Edits()


class Resolver:
    """Resolves presets with changes, and keeps every recipe that it has resolved.

    Args:
        parts: the catalog that all recipes are resolved against.
    """

    def __init__(self, parts: Catalog) -> None:
        self.parts = parts
        self._resolved: dict[tuple[str, Edits], tuple[Recipe, str]] = {}

    def resolve(self, source: str, edits: Edits = UNCHANGED) -> tuple[Recipe, str]:
        """A recipe, and what was shortened so that it fits into few epochs, "" where nothing was.

        Args:
            source: a preset's name or file, as `presets.references` takes it.
            edits: the changes to the preset.

        Raises:
            BadInput: with every problem found.
        """
        key = source, edits
        if key not in self._resolved:
            whole = edits == UNCHANGED
            found = (references.recipe_of(source, self.parts), "") if whole else fit(source, self.parts, edits)
            self._resolved[key] = found
        return self._resolved[key]

    def take(self, draft: Draft, source: str, origin: Resolution | None = None) -> Resolution:
        """A draft with its recipe, which is resolved when it is first read.

        Args:
            source: the file or name behind `draft.preset`.
            origin: what the draft was made from, where that is not the preset itself.
        """
        return Resolution(draft, source, self, origin)


class Resolution:
    """A draft and the recipe that it comes to. Made by `Resolver.take`."""

    def __init__(self, draft: Draft, source: str, resolver: Resolver, origin: Resolution | None) -> None:
        self.draft = draft
        self._source = source
        self._resolver = resolver
        self._origin = origin

    @property
    def parts(self) -> Catalog:
        """The catalog that the recipe is resolved against."""
        return self._resolver.parts

    @property
    def base(self) -> Recipe:
        """The recipe of the preset without changes. Raises BadInput."""
        return self._resolver.resolve(self._source)[0]

    @property
    def recipe(self) -> Recipe:
        """The recipe with all changes. Raises BadInput with every problem found."""
        return self._resolver.resolve(self._source, self.draft.edits())[0]

    @property
    def note(self) -> str:
        """What was shortened so that the recipe fits into few epochs; "" where nothing was. Raises BadInput."""
        return self._resolver.resolve(self._source, self.draft.edits())[1]

    def resets(self) -> list[str]:
        """What the draft resets by picking other parts than its origin has, one line per part. Raises BadInput."""
        edits, before = self.draft.edits(), self._origin.draft.edits() if self._origin else Edits()
        picked = [text for text in edits.sets if text not in before.sets and names_a_part(text)]
        if not picked and (edits.model, edits.schedule) == (before.model, before.schedule):
            return []
        return loader.reset_by(self._origin.recipe if self._origin else self.base, self.recipe, edits, self.parts)
