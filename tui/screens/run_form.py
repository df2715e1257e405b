"""The form of New run: the preset, the fields, and what follows from them. Enter turns a row into an input."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.widgets import Input

from engine.contract.recipe.resolve import PART_FIELDS
from tui.forms.change_list import ChangeList
from tui.forms.choices import about_schedules
from tui.forms.fields import Field
from tui.forms.form import Form
from tui.forms.options import options_of
from tui.forms.seen_images import SeenImages
from tui.keys.common import bindings
from tui.keys.new_run import KEYS, MOVED
from tui.screens.form_panes import FormPanes
from tui.screens.pick import Pick
from tui.widgets.line_input import LineInput
from tui.widgets.line_list import LineList
from tui.widgets.pane import Pane


class RunForm(FormPanes):
    """Pick a preset and change its fields. `NewRun` adds the actions on the whole form."""

    BINDINGS: ClassVar[list[BindingType]] = bindings((*KEYS, *MOVED))
    AUTO_FOCUS = "#rows"

    def __init__(self) -> None:
        super().__init__()
        self._field_before_find: Field | None = None

    # --- the form ---------------------------------------------------------------------------------------------

    def on_form_cursor_moved(self, event: Form.CursorMoved) -> None:
        self._set_field(event.field)
        if event.field is not None and not self._in_changes:
            self.query_one(ChangeList).show_field(event.field.path)

    def _set_field(self, field: Field | None) -> None:
        """Show the help of a field; `x` acts on it."""
        self._field = field
        if self._editor is not None:
            self._show_help()

    # --- the list of changes ----------------------------------------------------------------------------------

    def action_other_pane(self) -> None:
        """Go to the list of changes, or back to the form."""
        found = self.query_one(ChangeList)
        if self._in_changes or not found.display:
            self.query_one(Form).rows.focus()
            self._set_field(self.query_one(Form).field)
            return
        found.focus()
        self._set_field(found.field)

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        if self._in_changes:
            self._set_field(self.query_one(ChangeList).field)

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        """Go from a change to its field in the form."""
        if field := self.query_one(ChangeList).field:
            form = self.query_one(Form)
            form.go_to(field.path)
            form.rows.focus()

    # --- what is asked for ------------------------------------------------------------------------------------

    def on_form_typing(self, event: Form.Typing) -> None:
        """Check the text at each letter; everything on the screen follows it until the input is closed."""
        self._trial = self.editor.trying(event.path, event.text) if event.path else None
        self.show()

    def on_form_edited(self, event: Form.Edited) -> None:
        self._trial = None
        self._put(event.path, event.text)
        self.show()

    def _put(self, path: str, text: str) -> None:
        """Change a field. If it picks another part, report the options that this has reset."""
        self.editor.put(path, text)
        if path in PART_FIELDS and (reset := self.editor.describe_resets(path)):
            self.say(reset)

    def on_form_choices_requested(self, event: Form.ChoicesRequested) -> None:
        field = event.field
        workspace = self.workbench.workspace
        options = options_of(field, self.editor, workspace.catalog, workspace.summaries())
        if not options:  # only the list of teachers can be empty
            self.say(f"no {field.label} available: no run on {self.editor.recipe.data.name} has finished yet", bad=True)
            return
        title = "Operations: Enter adds or removes" if field.param.type == "ops" else field.label

        def chosen(value: str | None) -> None:
            if value is not None:
                self._choose(field.path, value)

        glyphs = self.query_one("#lr", Pane).glyphs
        curves = about_schedules(self.editor, glyphs, color=not self.app.no_color) if field.path == "schedule" else None
        self.app.push_screen(Pick(title, options, field.text, curves), chosen)

    def _choose(self, path: str, value: str) -> None:
        if path == "augmentation.ops":
            draft = self.editor.draft.toggle_op(value, value in self.editor.op_names())
            self.editor.change(draft, path)
        else:
            self._put(path, value)
        self.show()

    def action_others(self) -> None:
        """Another image before and after the augmentation."""
        if not self.query_one(SeenImages).others():
            self.say("i shows the images: from 160 columns and 45 rows on they stand beside the form")

    def action_choose(self) -> None:
        """Focus the form when Enter is pressed elsewhere."""
        self.query_one(Form).rows.focus()

    def action_step(self, by: int) -> None:
        self.query_one(Form).step(by)

    def action_reset(self) -> None:
        if self._field is not None:
            self._reset(self._field)

    def _reset(self, field: Field) -> None:
        if not self.editor.reset(field.path) and field.changed:
            self.say(f"{field.label} follows from another change: reset that field")
        self.show()
        if self._in_changes and self._changes:
            self._set_field(self.query_one(ChangeList).field)

    def action_undo(self) -> None:
        path = self.editor.undo()
        self.show()
        if path:
            self.query_one(Form).go_to(path)

    def action_more(self) -> None:
        self.query_one(Form).toggle_more()

    def action_find(self) -> None:
        self._field_before_find = self.query_one(Form).field
        self.query_one("#find", LineInput).edit()

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "find":
            self.query_one(Form).find(event.value.strip())

    def on_input_submitted(self) -> None:
        """Show the whole form with the cursor on the field that was found."""
        self._close_find(self.query_one(Form).field)

    def on_line_input_canceled(self) -> None:
        """Show the whole form with the cursor where it was before."""
        self._close_find(self._field_before_find)

    def _close_find(self, found: Field | None) -> None:
        form = self.query_one(Form)
        self.query_one("#find", Input).display = False
        form.find("")
        if found is not None:
            form.go_to(found.path)
        form.rows.focus()
