"""What drafts come to. Each recipe is resolved once, however many checks, messages and runs depend on it."""

from __future__ import annotations

from functools import cached_property

from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Recipe
from presets import loader, references
from presets.loader import Edits
from presets.shrink import fit
from presets.swap import names_a_part
from tui.plans.draft import Draft


class Presets:
    """Resolves drafts. A preset is resolved once, however many drafts begin with it.

    Args:
        parts: the catalog that all recipes are resolved against.
    """

    def __init__(self, parts: Catalog) -> None:
        self.parts = parts
        self._recipes: dict[str, Recipe] = {}

    def recipe(self, source: str) -> Recipe:
        """The recipe of a preset without changes.

        Args:
            source: a preset's name or file, as `presets.references` takes it.

        Raises:
            BadInput: with every problem of the preset.
        """
        if source not in self._recipes:
            self._recipes[source] = references.recipe_of(source, self.parts)
        return self._recipes[source]

    def take(self, draft: Draft, source: str, origin: Resolution | None = None) -> Resolution:
        """A draft with its recipe, which is resolved when it is first read.

        Args:
            source: the file or name behind `draft.preset`.
            origin: what the draft was made from, where that is not the preset itself.
        """
        return Resolution(draft, source, self, origin)


class Resolution:
    """A draft and the recipe that it comes to. Made by `Presets.take`."""

    def __init__(self, draft: Draft, source: str, presets: Presets, origin: Resolution | None) -> None:
        self.draft = draft
        self.source = source
        self._presets = presets
        self._origin = origin

    @property
    def parts(self) -> Catalog:
        """The catalog that the recipe is resolved against."""
        return self._presets.parts

    @property
    def base(self) -> Recipe:
        """The recipe of the preset without changes. Raises BadInput."""
        return self._presets.recipe(self.source)

    @cached_property
    def _fitted(self) -> tuple[Recipe, str]:
        edits = self.draft.edits()
        return (self.base, "") if edits == Edits() else fit(self.source, self.parts, edits)

    @property
    def recipe(self) -> Recipe:
        """The recipe with all changes. Raises BadInput with every problem found."""
        return self._fitted[0]

    @property
    def note(self) -> str:
        """What was shortened so that the recipe fits into few epochs; "" where nothing was. Raises BadInput."""
        return self._fitted[1]

    def resets(self) -> list[str]:
        """What the draft resets by picking other parts than its origin has, one line per part. Raises BadInput."""
        edits, before = self.draft.edits(), self._origin.draft.edits() if self._origin else Edits()
        picked = [text for text in edits.sets if text not in before.sets and names_a_part(text)]
        if not picked and (edits.model, edits.schedule) == (before.model, before.schedule):
            return []
        return loader.reset_by(self._origin.recipe if self._origin else self.base, self.recipe, edits, self.parts)
