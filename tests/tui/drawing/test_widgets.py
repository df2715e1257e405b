"""The pictures of the panes as text, and that a pane sends only what changed."""

import math
from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len
from textual.app import App

from engine.analysis.compare import Difference, Standing, groups, table
from tui.drawing import compare_table
from tui.drawing.confusion import confusion, matrix_of, worst_pairs
from tui.drawing.gpu_panel import Gpu, Machine, gpu_panel
from tui.drawing.lines import heading
from tui.drawing.log_tail import LogLine, log_tail
from tui.drawing.per_class import ClassRow, floor_of, per_class, worst_confusion
from tui.drawing.status_line import Headline, Other, Progress, also_running, status
from tui.keys import compare, dashboard, inspect
from tui.keys.common import GLOBAL
from tui.keys.key import Key, footer, shown
from tui.widgets.key_line import key_line
from tui.widgets.pane import Pane
from tui.widgets.top_bar import top_bar

GB = 2**30
HOSTILE = "\x1b[2J[@click=app.quit]boo[/b]\n"
CARD = Gpu(0, "NVIDIA GeForce RTX 4090", 0.93, 10.6 * GB, 24 * GB, 4.6 * GB, (("u17", "python", 6 * GB),), 412, 450, 58)
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def text_of(lines):
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)


def line_of(line):
    return text_of([line])


def fits(lines, width, height):
    return len(lines) <= height and all(sum(cell_len(text) for text, _ in line) <= width for line in lines)


# --- per class ------------------------------------------------------------------------------------------------


def rows(n=10, worst=3):
    return [ClassRow(f"class {i}", 0.95 - (0.11 if i == worst else 0.001 * i), 0.002, -0.005) for i in range(n)]


def test_every_class_has_a_number_a_bar_and_its_change():
    lines = per_class(rows(), "", 29, 11)
    assert text_of(lines).splitlines()[0] == "─ per class % ───── Δ epoch ─"
    assert text_of(lines).splitlines()[4] == "class 3     84.0 ███▎    +0.2"
    assert len(lines) == 11 and fits(lines, 29, 11)


def test_the_wide_pane_says_what_the_bars_mean():
    text = text_of(per_class(rows(), "cat, often taken for dog (6.1 %)", 59, 12))
    assert text.splitlines()[1].split() == ["class", "0", "█" * 15 + "▉", "95.0", "+0.2", "-0.5"]
    assert text.splitlines()[-1].strip() == "bars 70 to 100 · worst: cat, often taken for dog (6.1 %)"


@pytest.mark.parametrize("against", [-0.005, math.nan])
def test_the_wide_pane_has_a_column_for_the_baseline_where_there_is_one(against):
    lines = per_class([ClassRow("cat", 0.95, 0.002, against)], "", 59, 12)
    assert fits(lines, 59, 12)
    head, row = text_of(lines).splitlines()[:2]
    assert ("Δ base" in head) == (not math.isnan(against))
    ends = [head.index(title) + len(title) for title in ("last", "Δ epoch", "Δ base") if title in head]
    values = [value for value in ("95.0", "+0.2", "-0.5") if value in row]
    assert [row.index(value) + len(value) for value in values] == ends


def test_of_a_hundred_classes_the_ten_worst_are_shown():
    text = text_of(per_class([ClassRow(f"c{i:02}", 0.5 + i / 250) for i in range(100)], "", 29, 11))
    assert "worst 10/100" in text
    assert [line.split()[0] for line in text.splitlines()[1:]] == [f"c{i:02}" for i in range(10)]


def test_bars_begin_low_enough_for_the_worst_class():
    assert floor_of([ClassRow("a", 0.99), ClassRow("b", 0.95)]) == 0.9
    assert floor_of(rows()) == 0.7
    assert floor_of([ClassRow("a", 0.1)]) == 0.0


def test_before_the_first_epoch_the_pane_says_when_it_comes():
    assert "first epoch" in text_of(per_class([], "", 29, 11))


def test_the_worst_confusion_names_both_classes():
    matrix = np.diag([90, 80])
    matrix[1, 0], matrix[0, 1] = 20, 10
    assert worst_confusion(matrix.ravel().tolist(), ["dog", "cat"]) == "cat, often taken for dog (20.0 %)"
    assert worst_confusion([1, 2, 3], ["dog", "cat"]) == ""
    assert worst_confusion([5, 0, 0, 5], ["dog", "cat"]) == ""


# --- devices --------------------------------------------------------------------------------------------------


def test_the_card_shows_use_memory_owners_and_power():
    machine = Machine(gpus=(CARD,), cpu=0.12, ram_used=14 * GB, ram_total=128 * GB)
    assert text_of(gpu_panel(machine, "* on mixed images", 29, 6)).splitlines() == [
        "─ GPU 0 RTX 4090 ──── 58 °C ─",
        "use ██████████████▉   93 %",
        "mem ███████▏         11/24 GB",
        "    ours 4.6 · u17 6.0 python",
        "cpu 12 %  ram 14/128  412 W",
        "* on mixed images",
    ]


def test_what_drops_first_are_the_lines_about_the_system():
    machine = Machine(gpus=(CARD,), cpu=0.12, ram_used=14 * GB, ram_total=128 * GB)
    assert len(gpu_panel(machine, "* on mixed images", 29, 3)) == 3
    assert "mem" in text_of(gpu_panel(machine, "* on mixed images", 29, 3))


def test_the_wide_panel_tells_peak_others_history_and_host():
    machine = Machine(
        gpus=(CARD,), cpu=0.12, ram_used=14 * GB, ram_total=128 * GB, disk_free=212 * GB, peak_ours=4.9 * GB,
        busy=(0.9, math.nan, 0.5), seconds={"train": 9.5, "evaluate": 0.5},
    )  # fmt: skip
    text = text_of(gpu_panel(machine, "", 59, 8))
    assert "58 °C   412 W / 450 ─" in text
    assert "ours 4.6 GB (peak 4.9)   others 6.0 GB: u17, python" in text
    assert "last 10 min  █ ▄" in text
    assert "epoch  train 95 %  evaluate 5 %" in text
    assert "host   cpu 12 %   ram 14/128 GB   disk 212 GB free" in text


@pytest.mark.parametrize("width", [29, 59])
def test_a_card_that_does_not_tell_its_memory_says_unknown(width):
    text = text_of(gpu_panel(Machine(gpus=(Gpu(0, "GB10", 0.5),)), "", width, 8))
    assert next(line for line in text.splitlines() if "mem" in line).endswith("unknown")


@pytest.mark.parametrize("cards", [1, 2])
@pytest.mark.parametrize("width", [40, 59])
def test_a_card_that_does_not_answer_any_more_is_named_beside_the_others(cards, width):
    note = "GPU 1 does not answer: GPU is lost"
    assert note in text_of(gpu_panel(Machine(gpus=(CARD,) * cards, note=note), "", width, 9))


def test_memory_that_no_listed_process_holds_is_not_called_nobodys():
    hidden = replace(CARD, others=(), memory_others=0.6 * GB)
    assert "0.6 GB driver or others" in text_of(gpu_panel(Machine(gpus=(hidden,)), "", 59, 8))
    alone = replace(CARD, others=(), memory_others=0.0)
    assert "no one else" in text_of(gpu_panel(Machine(gpus=(alone,)), "", 59, 8))


def test_without_a_card_the_cpu_takes_its_place():
    machine = Machine(
        device="AMD EPYC, 2 threads", cpu=0.97, ram_used=5 * GB, ram_total=8 * GB, disk_free=11 * GB, note="no NVML"
    )
    text = text_of(gpu_panel(machine, "", 40, 6))
    assert "no GPU · AMD EPYC, 2 threads" in text and "cpu" in text and "97 %" in text and "5/8 GB" in text


def test_before_the_first_sample_nothing_is_claimed():
    text = text_of(gpu_panel(Machine(sampled=False), "", 29, 5))
    assert "no GPU" not in text and "first sample" in text


def test_several_cards_have_a_line_each():
    text = text_of(gpu_panel(Machine(gpus=(CARD, Gpu(1, "x", 0.1, GB, 24 * GB))), "", 40, 6))
    assert "2 GPUs" in text and text.splitlines()[1].split()[0] == "0" and text.splitlines()[2].split()[0] == "1"


def test_a_sample_with_garbage_counts_as_not_measured():
    gpu = Gpu.of({"index": "x", "utilization": "high", "others": [3, {"bytes": "many"}], "name": HOSTILE})
    assert gpu.index == 0 and math.isnan(gpu.utilization) and gpu.others == ()
    assert "\x1b" not in gpu.name and "\n" not in gpu.name
    assert "- %" in text_of(gpu_panel(Machine(gpus=(gpu,)), "", 29, 6))


@pytest.mark.parametrize("width", [20, 29, 49, 50, 80, 160])
@pytest.mark.parametrize("height", [1, 3, 6, 12])
def test_no_panel_spills(width, height):
    for machine in (
        Machine(gpus=(CARD,), busy=(0.5,) * 200),
        Machine(gpus=(CARD,) * 8),
        Machine(device="d" * 200),
        Machine(sampled=False),
    ):
        assert fits(gpu_panel(machine, "a footnote", width, height), width, height)


# --- status ---------------------------------------------------------------------------------------------------

HEAD = Headline("resnet34_cutmix", "20261122-101530-k3f9", 0, "paper v2", "-", ("paper",), "running", "", 1.0)
GOING = Progress(epoch=112, done=111.48, epochs=500, step=187, steps=390, images_per_second=5214, seconds_per_epoch=10.0,
                 left=3900, now=1_700_000_000)  # fmt: skip


def test_a_running_run_fills_two_lines_of_eighty():
    lines = status(HEAD, GOING, 80, 2)
    first, second = text_of(lines).splitlines()
    assert first.startswith(' ● resnet34_cutmix  k3f9  seed 0  "paper v2"') and first.endswith("running  1 s ago")
    assert second == " epoch 112/500 ███▋░░░░░░░░░░░░ 22 %   step 187/390   5,214 img/s   ~1 h 05 left"
    assert fits(lines, 80, 2)


def test_the_wide_status_adds_changes_tags_and_the_time_per_epoch():
    first, second = text_of(status(HEAD, GOING, 120, 2)).splitlines()
    assert "changes: none   tags: paper" in first and first.endswith("running · last event 1 s ago")
    assert "10 s/epoch" in second and "~1 h 05 left (" in second


def test_a_failed_run_says_why_instead_of_how_far():
    head = Headline("r", "x-k3f9", state="failed", reason="gpu_memory", age=7200)
    first, second = text_of(
        status(head, Progress(epoch=31, done=31, epochs=500, message="needed 2.1 GB more"), 80, 2)
    ).splitlines()
    assert first.endswith("failed: GPU memory  2 h ago")
    assert second == " epoch 31/500   needed 2.1 GB more"


def test_a_waiting_run_says_what_it_waits_for():
    head = Headline("r", "x-k3f9", state="queued")
    assert text_of(status(head, Progress(busy="place 2 in line"), 80, 2)).splitlines()[1] == " place 2 in line"


def test_a_finished_run_says_how_long_it_took():
    head = Headline("r", "x-k3f9", state="finished", age=60)
    second = text_of(status(head, Progress(500, 500.0, 500, images_per_second=5000, took=5000), 80, 2)).splitlines()[1]
    assert "100 %" in second and "took 1 h 23" in second and "left" not in second


@pytest.mark.parametrize("width", [60, 62, 79, 80, 100, 120, 200])
def test_the_status_never_spills_and_neutralises_names(width):
    head = Headline(HOSTILE * 5, "x-k3f9", 0, HOSTILE * 9, HOSTILE, (HOSTILE,) * 5, "running", "", 3.0)
    lines = status(head, GOING, width, 2)
    assert fits(lines, width, 2)
    assert "\x1b" not in text_of(lines) and len(text_of(lines).splitlines()) == 2


def test_the_other_live_run_has_a_line_and_the_rest_are_counted():
    others = [
        Other("wrn28_10_ricap", "x-p7x2", "running", "cuda:1", 41, 200, 0.951, 7800),
        Other("b", "y", "queued", "", 0, 9, math.nan),
    ]
    text = line_of(also_running(others, 120))
    assert "wrn28_10_ricap p7x2" in text and "41/200   95.10 %   ~2 h 10" in text and "and 1 more" in text
    assert also_running([], 120) == []


# --- log, keys, top -------------------------------------------------------------------------------------------


def test_the_newest_line_is_on_top_and_errors_are_never_cut():
    lines = [LogLine(0, "old"), LogLine(0, "new"), LogLine(0, "failed: " + "word " * 20, "error")]
    text = text_of(log_tail(lines, "", 60, 6)).splitlines()
    assert text[0].startswith("─ log ─") and text[0].endswith("l larger ─")
    assert " ".join(text[1:3]).split() == ("failed: " + "word " * 20).split()
    assert text[3].strip() == "new"


def test_a_log_line_cannot_steer_the_terminal():
    text = text_of(log_tail([LogLine(0, HOSTILE + "\x9b2J\u202e")], "", 60, 3))
    assert "[@click=app.quit]boo[/b]" in text
    assert not {"\x1b", "\x9b", "\u202e"} & set(text)


def test_the_way_back_and_the_way_to_all_keys_always_fit():
    pairs = footer([*dashboard.KEYS, *GLOBAL])
    at_80 = line_of(key_line(pairs, 80))
    assert at_80.startswith(" m metric  a axis") and at_80.endswith("q back  ?")
    assert line_of(key_line(pairs, 120)).endswith("q back  ? all keys  : palette")
    assert line_of(key_line(pairs, 20)).endswith("q back  ?")


def test_neighbouring_keys_with_one_label_share_it():
    pairs = footer([Key("comma", "a", "run", "", 1), Key("full_stop", "b", "run", "", 2), Key("z", "c", "zoom", "")])
    assert pairs == [(", .", "run")]
    assert shown(Key("j,down", "x", "down", "")) == "j down"


@pytest.mark.parametrize("table_of", [dashboard, compare, inspect])
def test_no_key_does_two_things_on_one_screen(table_of):
    keys = [name for row in (*table_of.KEYS, *GLOBAL) for name in row.key.split(",")]
    assert len(keys) == len(set(keys))


def test_the_top_line_has_sections_host_and_what_goes_on():
    assert line_of(top_bar("dashboard", "gpubox", 0, 0, 80)).endswith("6 Inspect        gpubox")
    assert line_of(top_bar("dashboard", "gpubox", 2, 3, 120)).endswith("gpubox  2 running  3 queued")
    assert ("1", "tab") in top_bar("dashboard", "gpubox", 0, 0, 80)
    narrow = line_of(top_bar("results", "a-host-with-a-very-long-name", 1, 0, 60))
    assert "2 Results" in narrow and "6" in narrow and cell_len(narrow) <= 60


def test_a_heading_takes_the_longest_right_part_that_fits():
    assert line_of(heading("a", 20, ["much too long for this", "short"])) == "─ a ──────── short ─"
    assert line_of(heading("a", 10, ["much too long"])) == "─ a ──────"


# --- confusion and comparison ---------------------------------------------------------------------------------


def test_the_matrix_and_its_worst_pairs_agree():
    flat = np.diag([90] * 10)
    flat[3, 5], flat[5, 3] = 8, 7
    matrix = matrix_of(flat.ravel().tolist(), 10)
    assert matrix is not None and matrix_of([1, 2], 10) is None
    lines = text_of(confusion(matrix, CLASSES, 80, as_percent=False)).splitlines()
    assert lines[4].split() == ["cat", "·", "·", "·", "90", "·", "8", "·", "·", "·", "·", "91.8", "%"]
    first, second = text_of(worst_pairs(matrix, CLASSES, 80)).splitlines()
    assert first.split()[:4] == ["cat", "taken", "for", "dog"] and "8 images" in first and "8.2 % of cat" in first
    assert second.split()[:4] == ["dog", "taken", "for", "cat"]


def test_a_class_without_images_divides_nothing_by_zero():
    matrix = matrix_of([0, 0, 0, 5], 2)
    assert matrix is not None
    assert "0.0 %" in text_of(confusion(matrix, ["a", "b"], 60, as_percent=True))
    assert worst_pairs(matrix, ["a", "b"], 60) == []


def standing(name, last, seed=0, recipe="r"):
    return Standing(f"20261122-101530-{name}", "resnet34_cutmix", recipe, seed, 2, np.array([1.0, 2.0]), np.array([0.5, last]),
                    5000.0, 5214.0, 10_000)  # fmt: skip


def test_the_table_has_a_line_for_each_run_group_and_difference():
    runs = [standing("k3f9", 0.9361), standing("8fq2", 0.9366, 1)]
    table_rows = table(runs, runs[1].id)
    lines = compare_table.table_lines(table_rows, groups(table_rows), [Difference("optimizer.lr", ("0.005", "0.01"))])
    drawn = [line_of(compare_table.draw(line, runs[1].id, 80, i == 1)) for i, line in enumerate(lines)]
    assert drawn[1].split() == [
        "▸",
        "⣀",
        "k3f9",
        "resnet34_cutmix",
        "0",
        "2/2",
        "93.61",
        "±0.48",
        "93.61*",
        "-0.05",
        "@",
        "2",
        "1",
        "h",
        "23",
    ]
    wide = line_of(compare_table.draw(lines[1], runs[1].id, 100, False)).split()
    assert wide[-4:] == ["1", "h", "23", "5,214"]
    assert drawn[2].split()[:2] == ["b•", "8fq2"] and "base" in drawn[2]
    assert "93.64 ± 0.04" in drawn[4] and "n=2" in drawn[4]
    assert drawn[5].startswith("─ 1 field differs")
    assert drawn[6].split() == ["optimizer.lr", "⣀", "0.005", "•", "0.01"]
    assert any("picked on test" in line for line in drawn)
    assert all(cell_len(line) <= 80 for line in drawn)


def test_no_two_of_the_overlaid_runs_are_drawn_alike():
    assert len(set(compare_table.MARKS)) == len(compare_table.MARKS) == 6


# --- the pane -------------------------------------------------------------------------------------------------


class Stage(App[None]):
    """One pane of 20 by 4."""

    CSS = "Pane { width: 20; height: 4; }"

    def compose(self):
        yield Pane(lambda width, height: [[(f"row {y}", "")] for y in range(height)])


async def test_only_rows_that_changed_are_sent(monkeypatch):
    app = Stage()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        pane = app.query_one(Pane)
        sent = []
        monkeypatch.setattr(pane, "refresh", lambda *regions, **kwargs: sent.extend(region.y for region in regions))
        pane.paint(lambda width, height: [[(f"row {y}" if y != 2 else "new", "")] for y in range(height)])
        assert sent == [2]
        sent.clear()
        pane.redraw()
        assert sent == []
        pane.paint(lambda width, height: [[("row 0", "")]])
        assert sent == [1, 2, 3]
        assert pane.text.splitlines()[0] == "row 0"


async def test_the_pane_is_the_last_gate_for_text_that_steers():
    app = Stage()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        pane = app.query_one(Pane)
        pane.paint(lambda width, height: [[("a\x1b[2J\tb\nc", "")]])
        assert pane.text == "a[2J b c"


async def test_without_utf8_a_pane_draws_in_ascii(monkeypatch):
    monkeypatch.setattr("tui.widgets.pane.glyphs_of_locale", lambda: "ascii")
    app = Stage()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        pane = app.query_one(Pane)
        pane.paint(lambda width, height: [heading("log", width, ["Δ"]), [("█▌ ● …", "")]])
        assert pane.text == "- log ---------- d -\n## * ~"
