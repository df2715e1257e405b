"""See images: what an augmentation does to real images, op by op. The drawing process ends with the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from rich.segment import Segment, Segments
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.message import Message as UiMessage
from textual.widgets import Static

from engine.contract.errors import BadInput, user_path
from engine.contract.recipe.catalog import Catalog
from engine.contract.recipe.schema import Recipe
from engine.contract.text import one_line
from engine.data.fetch import require
from engine.launch.preview import Preview
from tui.keys.common import bindings
from tui.keys.key import Key
from tui.plans.draft import Draft
from tui.screens.dialog import Dialog
from tui.widgets.key_line import HintLine
from tui.widgets.line_list import glyphs_of

if TYPE_CHECKING:
    from engine.analysis.contact_sheet import ContactSheet

IMAGES, DRAWS = 8, 3

KEYS = (
    Key("n", "others", "others", "Show other images with other random draws."),
    Key("j,down", "scroll(1)", "down", "Scroll down."),
    Key("k,up", "scroll(-1)", "up", "Scroll up."),
    Key("q,escape", "cancel", "close", "Close the images."),
)
NO_BLOCKS: Final = (
    "Images need a terminal with UTF-8 support. `cifar-tui augmentations preview` can write them to a file."
)
HINTS: Final = (("n", "other images"), ("j k", "scroll"), ("q", "close"))
LOADING: Final = "drawing: loading torch takes a few seconds"


def request_of(draft: Draft, recipe: Recipe, parts: Catalog, own_parts: Sequence[str], seed: int) -> dict[str, Any]:
    """The request to the drawing process.

    Raises:
        BadInput: the images would have to be downloaded first.
    """
    folder = draft.placement().data_dir
    folder = str(user_path(folder).absolute()) if folder else ""
    if parts.get("dataset", recipe.data.name).meta.get("downloadable"):
        require(recipe.data.name, folder)
    table, files = recipe.to_table(), [str(user_path(file).absolute()) for file in own_parts]
    return {"recipe": table, "parts": files, "images": IMAGES, "draws": DRAWS, "seed": seed, "data_dir": folder}


class SeeImages(Dialog[None]):
    """Shows one image per row: the original, the image after each op, and further random draws of all ops.

    Args:
        draft: names the preset and the data folder.
        recipe: what the draft resolves to.
        parts: the catalog.
        own_parts: files with the user's own parts, which `parts` includes.
    """

    KEYS = KEYS
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)

    class Drawn(UiMessage):
        """The process has ended, with a sheet of images or with a problem."""

        def __init__(self, sheet: ContactSheet | None, problem: str) -> None:
            super().__init__()
            self.sheet, self.problem = sheet, problem

    def __init__(self, draft: Draft, recipe: Recipe, parts: Catalog, own_parts: Sequence[str] = ()) -> None:
        super().__init__()
        self._what = draft, recipe, parts, own_parts
        self._seed = 0
        self._preview: Preview | None = None
        self._sheet: ContactSheet | None = None
        self._unmounted = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -images"):
            yield Static("", classes="dialog-title")
            with VerticalScroll(id="images", can_focus=False):
                yield Static("", id="sheet")
            yield HintLine(HINTS)

    def on_mount(self) -> None:
        self._draw()

    def on_unmount(self) -> None:
        self._unmounted = True
        if self._preview is not None:
            self._preview.stop()

    def on_resize(self, event: Resize) -> None:
        self.call_after_refresh(self._show)

    def _draw(self) -> None:
        if glyphs_of(self) == "ascii":
            self._set_title()
            self._set_body(NO_BLOCKS)
            return
        self._set_title("drawing" if self._sheet else "")
        if self._sheet is None:
            self._set_body(LOADING)
        self._make(self._seed)

    @work(thread=True, group="images", exit_on_error=False)
    def _make(self, seed: int) -> None:
        draft, recipe, parts, own_parts = self._what
        try:
            self._preview = Preview(request_of(draft, recipe, parts, own_parts, seed))
            if self._unmounted:
                self._preview.stop()
            self.post_message(self.Drawn(self._preview.sheet(), ""))
        except BadInput as error:
            self.post_message(self.Drawn(None, "; ".join(error.problems)))

    def on_see_images_drawn(self, message: Drawn) -> None:
        self._preview, self._sheet = None, message.sheet
        self._set_title()
        if message.problem:
            self._set_body(one_line(message.problem, 1000))
        self._show()

    # --- drawing ----------------------------------------------------------------------------------------------

    def _set_title(self, more: str = "") -> None:
        draft, recipe, _, _ = self._what
        words = [f"augmentation of {draft.preset} on {recipe.data.name}", f"seed {self._seed}", more]
        self.query_one(".dialog-title", Static).update(Content(one_line(" · ".join(filter(None, words)))))

    def _set_body(self, text: str) -> None:
        self.query_one("#sheet", Static).update(Content(text))

    def _show(self) -> None:
        """Draw as many columns of the sheet as fit."""
        if self._sheet is None:
            return
        from tui.drawing.pictures import sheet_lines  # pillow takes a while to import

        lines, hidden = sheet_lines(self._sheet, self.query_one("#images").scrollable_content_region.width)
        shown = [segment for line in lines for segment in (*line, Segment.line())]
        self.query_one("#sheet", Static).update(Segments(shown))
        columns = "column needs" if hidden == 1 else "columns need"
        more = f"   {hidden} {columns} a wider terminal" if hidden else ""
        self.query_one(HintLine).set_pairs(HINTS, more)

    # --- acting -----------------------------------------------------------------------------------------------

    def action_others(self) -> None:
        """Draw other images, unless some are being drawn now."""
        if self._preview is None and self._sheet is not None:
            self._seed += 1
            self._draw()

    def action_scroll(self, by: int) -> None:
        scroll = self.query_one("#images", VerticalScroll)
        scroll.scroll_relative(y=by * max(1, scroll.size.height // 2), animate=False)

    def action_cancel(self) -> None:
        self.dismiss(None)
