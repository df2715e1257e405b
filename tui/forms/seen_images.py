"""What the network sees: an image as it is stored, and after the augmentation of the form, drawn by another process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.segment import Segment, Segments
from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message as UiMessage
from textual.timer import Timer
from textual.widgets import Static

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Recipe
from engine.contract.run import own_code
from engine.contract.text import one_line
from engine.launch.preview import Preview
from tui.drawing.lines import heading, hints
from tui.forms.image_request import request_of
from tui.plans.draft import Draft
from tui.widgets.line_list import glyphs_of
from tui.widgets.pane import Pane

if TYPE_CHECKING:
    from engine.analysis.contact_sheet import ContactSheet

DRAWS: Final = 2
"""How many random draws of the augmentation are asked for; a wide terminal shows both."""
REST_SECONDS: Final = 0.3
"""How long the form must rest before pictures are drawn: each drawing starts a process that imports torch."""
LOADING: Final = "drawing: loading torch takes a few seconds"
NO_COLOR: Final = (
    "Pictures need colors and UTF-8. `cifar-tui augmentations preview --out sheet.png` writes them to a file."
)
ASKS: Final = "This form brings code along that was not approved yet: i asks, and shows the images."


class SeenImages(Vertical):
    """One image before and after. Nothing is drawn while the widget is hidden."""

    class Drawn(UiMessage):
        """The process has ended, with a sheet of images or with a problem."""

        def __init__(self, count: int, sheet: ContactSheet | None, problem: str) -> None:
            super().__init__()
            self.count, self.sheet, self.problem = count, sheet, problem

    def __init__(self) -> None:
        super().__init__(id="seen")
        self._what: tuple[Draft, Recipe, Catalog, Sequence[str]] | None = None
        self._shown: Any = None
        """What the pictures depend on: they are drawn again only when this changes."""
        self._seed = self._count = 0
        self._timer: Timer | None = None
        self._preview: Preview | None = None

    def compose(self) -> ComposeResult:
        keys = hints([("i", "op by op"), ("n", "next image")], gap="   ")
        yield Pane(lambda width, height: [heading("what the network sees", width, [keys])], id="seen-heading")
        yield Static("", id="seen-images")

    def on_unmount(self) -> None:
        self._stop()

    def show_draft(self, draft: Draft, recipe: Recipe, parts: Catalog, own_parts: Sequence[str]) -> None:
        """Show the augmentation of a draft, once it has rested."""
        self._what = draft, recipe, parts, own_parts
        self._draw_later()

    def others(self) -> bool:
        """Draw another image; False where there is no room for any."""
        if not self.display:
            return False
        self._seed += 1
        self._draw_later(0.0)
        return True

    def _draw_later(self, rest: float = REST_SECONDS) -> None:
        if not self.display or self._what is None:
            return
        draft, recipe, _, own_parts = self._what
        depends = recipe.augmentation, recipe.data, draft.place.get("data_dir"), tuple(own_parts), self._seed
        if depends == self._shown:
            return
        self._shown = depends
        self._stop()
        if rest > 0:
            self._timer = self.set_timer(rest, self._draw)
        else:
            self._draw()

    def _stop(self) -> None:
        """End what is being drawn; its answer is ignored."""
        self._count += 1
        if self._timer is not None:
            self._timer.stop()
        if self._preview is not None:
            self._preview.stop()

    def _draw(self) -> None:
        assert self._what is not None
        if glyphs_of(self) == "ascii" or self.app.no_color:
            self._say(NO_COLOR)
            return
        try:
            own_code.approve(own_code.brought_by(self._what[3]), trust=False)
        except own_code.Untrusted:
            self._say(ASKS)
            return
        self._say(LOADING)
        self._make(self._count)

    @work(thread=True, group="seen", exit_on_error=False)
    def _make(self, count: int) -> None:
        assert self._what is not None
        draft, recipe, parts, own_parts = self._what
        try:
            request = request_of(draft, recipe, parts, own_parts, self._seed)
            preview = self._preview = Preview({**request, "images": 1, "draws": DRAWS})
            if count != self._count:
                preview.stop()
            self.post_message(self.Drawn(count, preview.sheet(), ""))
        except BadInput as error:
            self.post_message(self.Drawn(count, None, "; ".join(error.problems)))

    def on_seen_images_drawn(self, message: Drawn) -> None:
        if message.count != self._count:
            return
        self._preview = None
        if message.sheet is None:
            self._say(one_line(message.problem, 300))
            return
        from tui.drawing.before_after import before_after  # pillow takes a while to import

        lines = before_after(message.sheet, self.size.width)
        shown = [segment for line in lines for segment in (*line, Segment.line())]
        self.query_one("#seen-images", Static).update(Segments(shown))

    def _say(self, text: str) -> None:
        self.query_one("#seen-images", Static).update(Content(f" {text}"))
