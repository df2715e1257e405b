"""The rows of the form without a screen, and its two columns on one."""

from pathlib import Path

import pytest

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.changes import flat
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.params import OPS
from presets.loader import list_presets
from presets.references import recipe_of
from tests.tui.form_driver import go_to, type_into
from tui.drawing.lines import width_of
from tui.forms.editor import FormEditor
from tui.forms.fields import walk
from tui.forms.form import Form
from tui.forms.notes import help_of, short_range
from tui.forms.rows import arrange, draw_pair, draw_row, half_of
from tui.plans.draft import Draft, from_flags
from tui.plans.placement import PLACE
from tui.plans.resolution import Resolver

PRESETS = [info.name for info in list_presets()]


def editor(preset: str = "resnet34_cutmix", **flags) -> FormEditor:
    return FormEditor(from_flags({"preset": preset, **flags}), catalog(), [Path("/nowhere")])


@pytest.mark.parametrize("preset", PRESETS)
def test_the_form_of_every_preset_has_every_field_of_its_recipe(preset):
    paths = {field.path for field in editor(preset).fields()}
    recipe = recipe_of(preset, catalog())
    named = {path for path in flat(recipe) if path.endswith(".name") and path != "data.name"}
    expected = (set(flat(recipe)) - named) | {path.removesuffix(".name") for path in named if path.count(".") == 1}
    # `flat` names the members of a combinator without it, the form by the path that --set takes
    found = paths | {
        f"augmentation.{'.'.join(path.split('.')[-2:])}" for path in paths if path.startswith("augmentation.")
    }
    assert expected <= found
    assert {f"place.{name}" for name in (*PLACE, "seeds")} <= paths


def test_each_field_takes_its_own_value_back_through_set(telling_preset):
    preset = telling_preset
    recipe = recipe_of(preset, catalog())
    for field in editor(preset).fields():
        if (field.param.type in ("part", "ops") and field.path != "data.name") or field.path.startswith("place."):
            continue
        again = Resolver(catalog()).take(Draft(preset, sets={field.path: field.text}), preset).recipe
        assert again.recipe_id == recipe.recipe_id, field.path


def test_parameter_groups_are_shown_and_typed_as_inline_tables():
    made = editor("quickstart")
    made.put("model", "airbench94")
    rows = {field.path: field for field in made.fields()}
    assert rows["optimizer.groups"].text == '[{match = "whiten.bias", until = 0.375}]'
    typed = '[{match = "whiten.bias", lr = 0.5, until = 0.25}, {match = "*.bias", lr = 64}]'
    made.put("optimizer.groups", typed)
    assert made.problems == {}
    rules = made.recipe.optimizer.options["groups"]
    assert [(rule.match, rule.lr, rule.until) for rule in rules] == [("whiten.bias", 0.5, 0.25), ("*.bias", 64.0, 1.0)]
    shown = next(field.text for field in made.fields() if field.path == "optimizer.groups")
    again = Resolver(catalog()).take(made.draft.put("optimizer.groups", shown), made.source).recipe
    assert again == made.recipe
    assert f"optimizer.groups={typed}" in made.draft.command()
    for width in (40, 99):
        assert all(width_of(draw_row(row, width, True)) <= width for row in arrange(made.fields(), everything=True))
    made.put("optimizer.groups", "[{match = 3}]")
    assert "needs text" in made.problems["optimizer.groups"]


def test_every_field_has_help_and_fits_its_line(telling_preset):
    preset = telling_preset
    for field in editor(preset).fields():
        assert field.param.help, field.path
        assert len(help_of(field)) > len(field.label)
    for width in (40, 60, 99):
        for row in arrange(editor(preset).fields(), everything=True):
            assert width_of(draw_row(row, width, True)) <= width


def test_every_part_in_the_catalog_can_be_shown_with_its_ranges_and_choices():
    parts = catalog()
    for kind in ("model", "optimizer", "schedule", "loss", "averaging"):
        for part in parts.parts(kind):
            sets = {kind: part.name}
            made = FormEditor(Draft("quickstart", sets=sets), parts, [])
            if made.problems:  # a part that needs another recipe says so, and the form still stands
                assert all(made.problems.values())
                continue
            rows = {field.path: field for field in made.fields()}
            for param in (*part.params, *COMMON.get(kind, ())):
                if param.type != OPS:
                    assert rows[f"{kind}.{param.name}"].param == param


def test_the_essential_fields_come_first_and_the_rest_is_one_key_away():
    rows = arrange(editor().fields(), everything=False)
    labels = [row.field.label for row in rows if row.field]
    assert labels == [
        "model", "augmentation", "", "schedule", "optimizer", "epochs", "batch size", "learning rate", "weight decay",
        "seeds", "device", "name",
    ]  # fmt: skip
    assert len(rows) == 15  # as many lines as there are at 80x24
    hidden = rows[-1].more
    everything = arrange(editor().fields(), everything=True)
    assert sum(row.field is not None for row in everything) == len(labels) + hidden


def test_changed_and_wrong_fields_are_never_hidden():
    made = editor(sets=["optimizer.momentum=0.5", "schedule.warmup=-1"])
    shown = {row.field.path for row in arrange(made.fields(), everything=False, bad=made.problems) if row.field}
    assert "schedule.warmup" in made.problems
    assert {"optimizer.momentum", "schedule.warmup"} <= shown


def test_a_change_is_shown_where_it_makes_another_field_wrong():
    """The schedule moves by epoch, so a warm-up from 0 would waste the first: the start of the warm-up is to blame."""
    made = editor()
    made.put("schedule.warmup", "2")
    assert "warmup_start" in made.problems["schedule.warmup_start"]
    assert [field.text for field in made.fields() if field.path == "schedule.warmup"] == ["2"]
    made.put("schedule.warmup_start", "0.1")
    assert made.problems == {} and made.recipe.schedule.options["warmup"] == 2.0


def shown_paths(sets=(), **how) -> set[str]:
    return {row.field.path for row in arrange(editor(sets=sets).fields(), everything=True, **how) if row.field}


@pytest.mark.parametrize(
    ("switch", "option", "elsewhere"),
    [
        ("optimizer.sharpness=sam", "optimizer.rho", "optimizer.eta"),
        ("optimizer.sharpness=asam", "optimizer.eta", "optimizer.lookahead_alpha"),
        ("optimizer.lookahead=5", "optimizer.lookahead_alpha", "optimizer.rho"),
        ("schedule.warmup=0", "schedule.by", "schedule.warmup_kind"),
        ("schedule.warmup=2", "schedule.warmup_kind", "data.mean"),
        ("data.normalize=given", "data.mean", "optimizer.rho"),
    ],
)
def test_options_of_what_is_off_are_not_shown(switch, option, elsewhere):
    sets = [switch]
    assert option in shown_paths(sets) and elsewhere not in shown_paths(sets)
    assert elsewhere in shown_paths(sets, find=elsewhere.partition(".")[2].replace("_", " "))
    assert elsewhere in shown_paths(sets, bad=[elsewhere])


def test_fields_of_a_job_are_shown_only_where_a_scheduler_starts_the_run():
    job = {"cpus", "memory", "partition", "resubmit", "setup", "time"}
    local, slurm, command = (
        {row.field.label for row in arrange(editor(launcher=name).fields(), everything=True) if row.field}
        for name in ("local", "slurm", "command")
    )
    assert not job & local and job <= slurm
    assert job & command == {"cpus", "setup"} and "template" in command - slurm


def test_every_option_that_needs_another_names_one_beside_it():
    """A misspelt name would hide the option for ever."""
    for preset in ("quickstart", "resnet34_cutmix", "wrn28_10_sam_autoaugment"):
        fields = editor(preset).fields()
        paths = {field.path: field.param for field in fields}
        for field in fields:
            if field.param.needs:
                name, _, wanted = field.param.needs.partition("=")
                switch = paths[f"{field.path.rpartition('.')[0]}.{name}"]
                assert not wanted or set(wanted.split("|")) <= set(switch.choices)


def test_find_looks_at_labels_paths_and_help():
    found = [row.field.path for row in arrange(editor().fields(), everything=False, find="warm") if row.field]
    assert "schedule.warmup" in found
    assert "model" not in found


def test_a_changed_number_says_what_it_was():
    made = editor(lr=0.01)
    field = next(field for field in made.fields() if field.path == "optimizer.lr")
    line = "".join(
        text for text, _ in draw_row(next(r for r in arrange([field], everything=True) if r.field), 40, False)
    )
    assert line.startswith("●learning rate   0.01")
    assert "was 0.005" in line


@pytest.mark.parametrize(("seeds", "note"), [("0-4", "= 5 runs"), ("3", "= 1 run"), ("1,5", "= 2 runs")])
def test_seeds_say_how_many_runs_they_are(seeds, note):
    made = editor(seed=seeds)
    field = next(field for field in made.fields() if field.path == "place.seeds")
    line = "".join(
        text for text, _ in draw_row(next(r for r in arrange([field], everything=True) if r.field), 40, False)
    )
    assert note in line


def test_ranges_are_short():
    ranges = {field.path: short_range(field.param) for field in editor().fields()}
    assert ranges["epochs"] == "1..∞"
    assert ranges["data.holdout"] == "0..1"


def test_walk_names_members_of_a_combinator_by_the_path_that_set_takes():
    recipe = recipe_of("resnet34_cutmix", catalog())
    paths = [path for path, *_ in walk(recipe, catalog())]
    assert "augmentation.choice.cutmix.alpha" in paths


@pytest.mark.parametrize(
    ("path", "text", "beside"),
    [
        ("epochs", "3", "was 500"),
        ("batch_size", "", "1 or more"),
        ("optimizer.momentum", "", "0 to below 1"),
        ("augmentation.random_crop.padding", "99", "was 4 · needs <= 16"),
        ("loss.label_smoothing", "1.2", "was 0 · needs < 1"),
        ("model", "", "ResNet-34"),
    ],
)
def test_a_roomy_form_says_beside_each_box_what_it_takes_was_and_needs(path, text, beside):
    made = editor()
    if text:
        made.put(path, text)
    row = next(row for row in arrange(made.fields(), everything=True) if row.field and row.field.path == path)
    line = "".join(part for part, _ in draw_row(row, 78, False, made.problems.get(path, "")))
    assert beside in line and width_of(draw_row(row, 78, False, made.problems.get(path, ""))) <= 78


# --- two columns --------------------------------------------------------------------------------------------------


def test_in_two_columns_all_fields_are_shown_in_half_the_rows_and_the_essential_ones_alone():
    fields = editor().fields()
    single, double = (arrange(fields, everything=True, pairs=pairs) for pairs in (False, True))
    assert [field.path for row in double for field in row.fields] == [row.field.path for row in single if row.field]
    assert all(row.beside is None for row in double[:14]) and any(row.beside for row in double)
    assert len(double) < len(single) - 15
    for width in (76, 93):
        assert all(width_of(draw_pair(row, width, 1)) <= width for row in double)


def test_a_field_without_a_neighbor_says_what_it_takes_where_that_would_stand():
    rows = arrange(editor().fields(), everything=True, pairs=True)
    row = next(row for row in rows if row.field and row.field.path == "augmentation.horizontal_flip.probability")
    assert row.halved and row.beside is None
    assert "0 to 1" in "".join(text for text, _ in draw_pair(row, 93, None))


@pytest.mark.parametrize("size", [(160, 45), (200, 50)])
async def test_the_cursor_goes_through_both_columns_and_a_click_reaches_each(workbench, settle, size):
    app = workbench("new_run")
    app.workspace.draft = Draft("resnet34_cutmix")
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        form = pilot.app.screen.query_one(Form)
        await go_to(pilot, "augmentation.color_jitter.brightness")
        await pilot.press("j")
        assert form.field.path == "augmentation.color_jitter.contrast"
        await pilot.press("j")
        assert form.field.path == "augmentation.color_jitter.saturation"
        await pilot.press("k", "k", "k")
        assert form.field.path == "augmentation.horizontal_flip.probability"
        await type_into(pilot, "augmentation.color_jitter.contrast", "0.7")
        assert pilot.app.screen.editor.draft.sets == {"augmentation.color_jitter.contrast": "0.7"}
        assert form.field.path == "augmentation.color_jitter.contrast", "the cursor stays"
        rows = form.rows
        assert not rows.rows[rows.cursor].halved, "what it was stands beside it"
        await pilot.press("u")
        await go_to(pilot, "augmentation.color_jitter.contrast")
        left, right = 5, half_of(rows.scrollable_content_region.width) + 5
        row = rows.cursor - rows.scroll_offset.y
        await pilot.click(rows, offset=(left, row))
        assert form.field.path == "augmentation.color_jitter.brightness" and not form.editing
        await pilot.click(rows, offset=(right, row))
        await pilot.click(rows, offset=(right, row))
        edit = pilot.app.screen.query_one("#edit")
        assert form.editing and edit.styles.offset.x.value > right


async def test_a_smaller_terminal_has_one_column(workbench, settle):
    async with workbench("new_run").run_test(size=(159, 45)) as pilot:
        await settle(pilot)
        assert all(row.beside is None for row in pilot.app.screen.query_one(Form).rows.rows)
