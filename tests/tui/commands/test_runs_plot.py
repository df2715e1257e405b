"""`runs show --plot` prints the charts of the Dashboard, and `runs show --json` has every figure of its panes."""

import json
import re

import pytest

from tests.tui.dashboard.reading import view_of, write_tested_once
from tests.tui.demo import Demo, write_run
from tests.tui.reading import fits, text_of
from tui.commands.runs_plot import THREE, charts, plot_run
from tui.dashboard.curves import accuracy_curves, lower_curves
from tui.dashboard.options import Frame, Options
from tui.settings import Settings
from tui.widgets.pane import Pane

ASCII = """\
o resnet34_cutmix   ID   seed 0   epoch 111 of 500 epochs
= accuracy % --------------------------- last 93.62 . best-on-test 94.02 @ 101 -
96.5|                                                              reported
    |. . . . . . . . . . . . . . . . . . . . . . . . . . . . . .   96.26
  95|
    |                            oB..o                           o test
  93|              o  .............                                93.62
    |            .....
  90|         ...
    |        .
  85|     ...
  80|   ..
    |  .
    | .
= loss ------------------------------------------------------------ lr 0.00441 -
 1.5| .
    |o .+.
    | .   ........... +             +                            + train*
   1|  .             ................+                             0.928
    |   ...                                                        mixed
  .5|      ........o.............o...o                           o test
    |                                                              0.346
    +0 ----------- 50 ---------- 100 ---------- 150 -------- 200 epoch
"""

BRAILLE = """\
● resnet34_cutmix   ID   seed 0   epoch 111 of 500 epochs
━ accuracy % ──────────── last 93.62 · best-on-test 94.02 @ 101 ─
  │⠄⠠ ⠄⠠ ⠄⠠ ⠄⠠ ⠄⠠ ⠄⠠ ⠄⠠ ⠄⠠ ⠄⠠ ⠄⠠ ⠄⠠ ⠄⠠ ⠄⠠ ⠄⠠ ⠄⠠ ⠄ ┈ reported
95┤┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈   96.26
  │            ⣀⣀●⣀⣀⡠⠤⠤⠔⠒⠒○⠉●                     ● test
90┤┈┈┈┈┈┈┈⢀⡠⠔⠊⠉┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈   93.62
  │     ⡠⠔⠁
80┤┈┈⢀⠔⠊┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈
  │ ⡰⠁
━ loss ───────────────────────────────────────────── lr 0.00441 ─
  │●⠑⢄•                                           • train* 0.928
 1┤⠱⡀┈⠉⠉⠑⠒⠒⠢⠤⠤⠤⠤⠤⢄⣀⣀•⣀⣀⣀⣀⣀⣀⣀•┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈   mixed
  │ ⠈⠢⢄⣀⡀                                         ● test
  │     ⠈⠉⠉⠑⠒⠒⠒⠒⠒●⠒⠒⠒⠒⠒⠤⠒⠤⠤⠤●                       0.346
  └0 ─────── 50 ──────── 100 ────── 150 ───── 200 epoch
"""


@pytest.fixture
def plain(monkeypatch):
    def size(columns, lines):
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("LINES", str(lines))

    return size


def drawn(text, run):
    return "\n".join(line.rstrip() for line in text.replace(run.id[-4:], "ID").splitlines()) + "\n"


@pytest.mark.parametrize(("size", "glyphs", "golden"), [((80, 24), "ascii", ASCII), ((65, 16), "braille", BRAILLE)])
def test_the_charts_fill_the_terminal_and_leave_a_line_for_the_prompt(cli, root, plain, size, glyphs, golden):
    plain(*size)
    run = write_run(root)
    answer = cli("runs", "show", run.id, "--plot", "--glyphs", glyphs, "--runs-dir", root)
    assert (answer.code, answer.err) == (0, "")
    assert drawn(answer.out, run) == golden
    assert len(answer.out.splitlines()) == size[1] - 1


@pytest.mark.parametrize("size", [(40, 12), (80, 23), (120, 39), (200, 49)])
@pytest.mark.parametrize("color", [True, False])
def test_charts_fit_at_every_size_and_the_learning_rate_joins_where_there_is_room(root, size, color):
    view = view_of(write_run(root, Demo(epochs_done=500, state="finished")))
    lines = charts(view, *size, "braille", color=color)
    assert fits(lines, *size) and len(lines) == size[1]
    assert ("learning rate" in text_of(lines)) == (size[1] >= THREE)
    assert "w smooth" not in text_of(lines), "no hint of a key that does nothing here"


def test_the_charts_are_those_of_the_dashboard(root):
    view = view_of(write_run(root))
    text = text_of(charts(view, 120, 23, "braille", color=True))
    for chart in (
        accuracy_curves(view, None, Options(), Frame(120, 12)),
        lower_curves(view, Options(), Frame(120, 8)),
    ):
        assert all(word in text for one in chart.series for word in (one.label, *one.value))


def test_a_run_without_a_test_says_so(cli, root, plain):
    plain(80, 24)
    run = write_tested_once(root, tested=False)
    assert "tested at the end, after epoch 10" in cli("runs", "show", run.id, "--plot", "--runs-dir", root).out


def test_colors_are_sent_to_a_terminal_unless_no_color_is_set(root, plain, capsys, monkeypatch):
    plain(80, 24)
    run = write_run(root)
    for key, value in (("FORCE_COLOR", "1"), ("TERM", "xterm-256color")):
        monkeypatch.setenv(key, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    plot_run(run, Settings(theme="okabe-ito"))
    colored = capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    plot_run(run, Settings(theme="okabe-ito"))
    uncolored = capsys.readouterr().out
    assert "\x1b[38;5;74m" in colored and "\x1b" not in uncolored
    assert [len(re.sub(r"\x1b\[[\d;]*m", "", text).splitlines()) for text in (colored, uncolored)] == [23, 23]


@pytest.mark.parametrize(
    ("options", "error"),
    [(("--plot", "--glyphs", "dots"), "--glyphs is 'dots'"), (("--plot", "--json"), "give --plot or --json")],
)
def test_options_that_make_no_sense_are_refused(cli, root, options, error):
    answer = cli("runs", "show", write_run(root).id, *options, "--runs-dir", root)
    assert answer.code == 2 and error in answer.err


# --- the JSON -------------------------------------------------------------------------------------------------

OF_OTHERS = ("here", "second", "machine", "log-2", "below")
"""Panes about other runs, or that repeat in one line what another pane has."""
NOT_FIGURES = r"~?\d\d:\d\d(?!:)|\d+ s ago|seed \d+|bars \d+ to \d+|10 min|(?<=\d)/\d{2} |smooth \.\d+"
"""The expected time of the end and the age of the last event, which move, the seed (a key of its own), the ends of scales,
and the setting of a key."""


def figures(text):
    """Every number as it is printed, without its sign and separators of thousands, outside drawings."""
    found = re.findall(r"(?<![\w.])[-+~]?(\d[\d,]*(?:\.\d+)?|\.\d+)(?![\w.])", re.sub(NOT_FIGURES, " ", text))
    return {number.replace(",", "") for number in found}


def without_axes(line):
    """The line without the y tick at its left; an x axis becomes empty."""
    return "" if "└" in line else re.sub(r"^ *[\d.]*[┤│]", "", line)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
@pytest.mark.parametrize("demo", [Demo(), Demo(epochs_done=500, state="finished"), Demo(epochs_done=1)])
async def test_each_figure_of_each_pane_is_in_the_json(root, cli, workbench, settle, size, demo):
    run = write_run(root, demo)
    known = json.loads(cli("runs", "show", run.id, "--json", "--runs-dir", root).out)
    shown = json.dumps(known["tables"], ensure_ascii=False)
    shown += " ".join(f"{chart['summary']} {[one['shown'] for one in chart['series']]}" for chart in known["charts"])
    there = figures(re.sub(r"[\"\[\]']", " ", shown)) | {str(known["seed"])}
    async with workbench().run_test(size=size) as pilot:
        await settle(pilot, 0.1)
        for pane in pilot.app.screen.query(Pane):
            if pane.display and pane.id and pane.id not in OF_OTHERS:
                text = "\n".join(map(without_axes, pane.text.splitlines()))
                text = text.replace(run.id[-4:], " ")
                assert figures(text) <= there, (pane.id, figures(text) - there)


def test_the_points_of_every_curve_are_in_the_json(root, cli):
    run = write_run(root, Demo(epochs_done=30))
    view = view_of(run)
    found = json.loads(cli("runs", "show", run.id, "--json", "--runs-dir", root).out)["charts"]
    assert [chart["title"] for chart in found] == [
        "accuracy %", "loss", "images/s", "gradient norm", "update/weight", "learning rate",
    ]  # fmt: skip
    test = next(one for one in found[0]["series"] if one["label"] == "test")
    assert test["x"] == list(range(1, 31)) and test["best_x"] == view.best_epoch
    assert test["y"] == [100 * epoch.test_accuracy for epoch in view.history.epochs]
