"""The dashboard as a person meets it: what is to be seen at which size and moment, and what the keys do."""

import math
import re

import pytest

from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Epoch, Message, Step
from tests.tui.blank import wasted
from tests.tui.dashboard.reading import leave_the_last_test, write_tested_once
from tests.tui.demo import Demo, write_run
from tui.dashboard.panes import Panes
from tui.screens.dashboard import Dashboard
from tui.widgets.pane import Pane

HOSTILE = "[/b][@click=app.quit]x[/]"

WHOLE = """\
 ● resnet34_cutmix  k3f9  seed 0  "paper v2" running · N s ago
 epoch 112/500 ━━━━╺━━━━━━━━━━━━━ 22 %  step 185/390  5,214 img/s  ~1 h 05 left
━ accuracy % ──── last 93.62 · best* 94.02 @101 ─  ━ per class % ──── Δ epoch ─
  │⡀⢀ ⡀⢀ ⡀⢀ ⡀⢀ ⡀⢀ ⡀⢀ ⡀⢀ ⡀⢀ ⡀⢀ ⡀⢀ ⡀⢀ ⡀⢀ ┈ reported  airplane   94.8 ━━━━━╺  -0.1
95┤┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈   96.26     automobile 96.8 ━━━━━╸  +0.0
  │                ⢀○⣀●                ● test      bird       91.3 ━━━━╸━  -0.4
  │        ⢀⡠⠤⠤⠤⠔⠒⠊⠁⠁                    93.62     cat        86.3 ━━━╸━━  -0.8
90┤┈┈┈┈┈⢀⡠⠒⠁┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈             deer       93.8 ━━━━━╺  -0.2
  │    ⢠⠊                                          dog        90.0 ━━━━╺━  -0.5
  │  ⣀⡠⠃                                           frog       95.9 ━━━━━╺  +0.0
80┤┈⢠⠊┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈             horse      95.2 ━━━━━╺  -0.1
  │ ⡇                                              ship       96.1 ━━━━━╺  +0.0
━ loss ─────────────── lr 0.00441 · w smooth .6 ─  truck      95.8 ━━━━━╺  +0.0
  │⡀⠢⡀                                 • train*    ━ GPU 0 RTX 4090 ─── 58 °C ─
 1┤⢱┈⠈⠉⠒⠒⠢⠤⠤⠤⠤⣀⣀⣀⣀⣀⣀⣀⣀•┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈   0.928     use ⣿⣿⣿⣿⣿⣿⣿⣿⣾⣿⣿⣿⣿       96 %
  │ ⠑⠤⣀⡀                               ● test      mem ━━━━━━━━━━━━━ 10.6/24 GB
  │    ⠉⠉⠑⠒⠒⠒⠒⠒⠒⠒⠒⠤⠒⠤⠤●                  0.346         ours 4.6 · u17 6.0 GB
  └0 ───── 50 ──── 100 ──── 150 ── 200 epoch       412 W cpu 12 % ram 14/128
━ log ────────── l larger · * best epoch picked on test; train on mixed images ─
 HH:MM:SS epoch 111  train* 0.928  test 0.346  93.62 %  9.5 s + 0.4 s eval
 HH:MM:SS checkpoint epoch-0110 (0.2 s)
 health   grad norm 0.85 · update/weight 0.0011 · NaN 0  all well
 m metric  a axis  x epoch  z zoom  , . run  S stop  ? keys  : palette
"""


async def test_the_whole_screen_at_80x24(root, workbench, screen_text, settle):
    run = write_run(root)
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = screen_text(app).replace(run.id[-4:], "k3f9")
    text = re.sub(r"\d\d:\d\d:\d\d", "HH:MM:SS", re.sub(r" +running · +\d+ s ago", " running · N s ago", text))
    assert [line.rstrip() for line in text.splitlines()[1:]] == WHOLE.splitlines()


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (62, 18)])
async def test_accuracy_loss_classes_and_devices_are_there_without_a_key(root, workbench, screen_text, settle, size):
    write_run(root)
    app = workbench()
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        assert app.current_mode == "dashboard"
        text = screen_text(app)
        for part in (
            "━ accuracy % ",
            "━ loss ",
            "━ per class",
            "━ GPU 0 ",
            "RTX 4090 ",
            "resnet34_cutmix",
            "epoch 112/500",
            "cat",
            "use ",
        ):
            assert part in text, part
        assert ("━ log ─" in text) == (size[1] >= 22)
        keys = text.splitlines()[-1]
        assert "?" in keys and ":" in keys and ("q back" in keys) == (size[0] >= 100)
        assert all(len(line) == size[0] for line in text.splitlines())


async def test_the_wide_screen_adds_rate_health_and_the_other_run(root, workbench, screen_text, settle):
    run = write_run(root)
    other = write_run(root, Demo(preset="resnet50_adam", epochs_done=8, name=""))
    app = workbench()
    app.workspace.selected = run
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.workspace.selected = run
        await pilot.press("2", "1")
        await settle(pilot)
        text = screen_text(app)
        assert "━ learning rate ─" in text and "cosine, whole run" in text and "● now 0.00441" in text
        assert "health   grad norm" in text
        assert f"also on   ● resnet50_adam  {other.id[-4:]}" in text


@pytest.mark.parametrize(
    ("demo", "expected"),
    [
        (Demo(epochs_done=0, step=0, phase="compiling"), ["compiling: max-autotune, for ", "no step yet", "devices"]),
        (Demo(epochs_done=0, step=0, phase="queued", state="queued"), ["2nd in line", "queued"]),
        (Demo(epochs_done=0, step=120), ["epoch 1/500", "step 120/390", "no test yet:", "the first comes after epoch 1", "train*"]),
        (Demo(epochs_done=500, state="finished"), ["✓", "finished", "100 %", "took 1 h 24"]),
        (Demo(epochs_done=31, state="failed"), ["✗", "failed: GPU memory", "needed 2.1 GB more"]),
        (Demo(epochs_done=9, gpu=False, preset="quickstart"), ["no GPU · AMD EPYC", "cpu ", "ram "]),
        (Demo(epochs_done=9, classes=[f"thing_{i}" for i in range(100)]), ["worst 10/100"]),
    ],
)  # fmt: skip
async def test_every_moment_of_a_run_has_its_words(root, workbench, screen_text, settle, demo, expected):
    app = workbench("dashboard")
    app.workspace.selected = write_run(root, demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = screen_text(app)
        for part in expected:
            assert part in text, part


async def test_without_any_run_the_screen_says_how_to_begin(workbench, screen_text, settle):
    app = workbench("dashboard")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "no runs yet: 4 opens New run" in screen_text(app)


async def test_new_events_appear_and_nothing_is_sent_when_nothing_changed(
    root, workbench, screen_text, settle, monkeypatch
):
    run = write_run(root, Demo(epochs_done=3, step=0, state="finished"))
    app = workbench("dashboard")
    app.workspace.selected = run
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        sent = []
        for pane in app.screen.query(Pane):
            name = pane.id or type(pane).__name__
            monkeypatch.setattr(
                pane, "refresh", lambda *regions, name=name, **kwargs: sent.extend((name, r.y) for r in regions)
            )
        app.screen._tick()
        assert [place for place in sent if place[0] != "status"] == []
        with EventWriter(run.events) as events:
            events.write(Message("warning", "the disk is nearly full"))
        app.screen._tick()
        assert {name for name, _ in sent} - {"status"} == {"log"}


@pytest.mark.parametrize("size", [(160, 45), (200, 50)])
async def test_from_160_columns_on_there_are_the_runs_a_second_one_and_its_log(
    root, workbench, screen_text, settle, size
):
    other = write_run(root, Demo(preset="resnet50_adam", epochs_done=41, name="", seed=4))
    done = write_run(root, Demo(epochs_done=500, state="finished", seed=1))
    run = write_run(root)
    app = workbench("dashboard")
    app.workspace.selected, app.workspace.baseline = run, done
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await settle(pilot)
        lines = screen_text(app).splitlines()
        chosen = app.screen.query_one(Panes).division
        right = [line[-chosen.third :] for line in lines]
        assert right[3].startswith("━ runs here ─")
        for found in (run, other, done):
            assert sum(found.id[-4:] in line for line in right[5 : 3 + chosen.here]) == 1
        assert any(line.startswith(f"━ ■ {other.id[-4:]}  resnet50_adam ─") and "41/200 ─" in line for line in right)
        assert any("■ test" in line for line in right)
        log = next(i for i, line in enumerate(lines) if line.startswith("━ log ─"))
        assert lines[log + 1].count("epoch ") == 2 and "■ " in lines[log + 1]
        assert wasted(lines) == []


@pytest.mark.parametrize("size", [(160, 45), (200, 50)])
@pytest.mark.parametrize("runs", [1, 2])
async def test_a_run_with_data_leaves_no_large_part_of_the_screen_blank(
    root, workbench, screen_text, settle, size, runs
):
    if runs > 1:
        write_run(root, Demo(epochs_done=500, state="finished", seed=1))
    app = workbench("dashboard")
    app.workspace.selected = write_run(root)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        assert wasted(screen_text(app).splitlines()) == []


@pytest.mark.parametrize("size", [(160, 45), (200, 50)])
async def test_classes_get_their_rows_once_the_only_test_is_done(root, workbench, screen_text, settle, size):
    run = write_run(root)
    whole = run.events.read_bytes()
    leave_the_last_test(run, tested=False)
    app = workbench("dashboard")
    app.workspace.selected = run
    async with app.run_test(size=size) as pilot:
        await settle(pilot, 0.1)
        above = screen_text(app).split("━ log ", 1)[0]  # lines of the log are short without a test
        assert wasted(above.splitlines()) == [] and "airplane" not in above
        run.events.write_bytes(whole)
        leave_the_last_test(run)
        app.screen._open(run)
        await settle(pilot, 0.1)
        above = screen_text(app).split("━ log ", 1)[0]
        assert wasted(above.splitlines()) == [] and "airplane" in above and "truck" in above


async def test_the_parts_of_a_step_are_drawn_where_they_were_measured(root, workbench, screen_text, settle):
    run = write_run(root, Demo(epochs_done=30, step_ms={}))
    app = workbench("dashboard")
    app.workspace.selected = run
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "step %" not in screen_text(app)
        with EventWriter(run.events) as events:
            measured = {"data": 0.4, "forward": 3.1, "backward": 5.8, "optimizer": 0.7}
            events.write(Epoch(epoch=31, train_loss=1.0, test_accuracy=0.9, test_loss=0.3, step_ms=measured))
        app.screen._tick()
        await settle(pilot)
        assert "━ forward 31  ━ backward 58  ━ optim 7  ━ data 4" in screen_text(app)


async def test_curves_are_drawn_again_only_when_their_data_change(root, workbench, settle, monkeypatch):
    run = write_run(root, Demo(epochs_done=30))
    app = workbench("dashboard")
    app.workspace.selected = run
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        painted = []
        for pane in app.screen.query(Pane):
            monkeypatch.setattr(pane, "redraw", lambda name=pane.id: painted.append(name))
        app.screen._draw()
        assert not {"accuracy", "lower", "rate", "gpu", "second"} & set(painted)
        await pilot.press("w")
        assert {"accuracy", "lower"} <= set(painted) and not {"rate", "gpu"} & set(painted)


async def test_resizing_divides_the_screen_anew(root, workbench, screen_text, settle):
    write_run(root)
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "━ learning rate ─" not in screen_text(app)
        await pilot.resize_terminal(120, 40)
        await settle(pilot, 0.3)
        assert "━ learning rate ─" in screen_text(app)
        assert screen_text(app).splitlines()[3].startswith("━ accuracy %")


@pytest.mark.parametrize("mode", ["dashboard", "compare", "inspect"])
async def test_a_terminal_of_any_size_crashes_nothing(root, workbench, screen_text, settle, mode):
    run = write_run(root, Demo(epochs_done=3))
    app = workbench(mode)
    app.workspace.selected = run
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for size in ((20, 5), (3, 1), (300, 4), (61, 90), (80, 24)):
            await pilot.resize_terminal(*size)
            await settle(pilot, 0.15)
        assert run.id[-4:] in screen_text(app)


async def test_one_seed_run_twice_is_no_spread_of_seeds(root, workbench, screen_text, settle):
    base, again = (write_run(root, Demo(epochs_done=40, seed=1, shift=shift)) for shift in (0.0, 0.01))
    app = workbench("dashboard")
    app.workspace.selected, app.workspace.baseline = write_run(root, Demo(epochs_done=30, seed=1)), base
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await settle(pilot)
        assert "to baseline at epoch 30 (one seed)" in screen_text(app), again
        app.workspace.baseline = None
    write_run(root, Demo(epochs_done=40, seed=2))
    app = workbench("dashboard")
    app.workspace.selected, app.workspace.baseline = base, again
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await settle(pilot)
        assert ", n=2)" in screen_text(app)


async def test_hostile_names_are_shown_as_they_are(root, workbench, screen_text, settle):
    run = write_run(root, Demo(epochs_done=2, name=HOSTILE, changes=HOSTILE, classes=[f"{HOSTILE}\x1b[2J", "b"]))
    with EventWriter(run.events) as events:
        events.write(Message("error", f"{HOSTILE}\x1b[2J\x9b2J"))
        events.write(Epoch(epoch=3, test_accuracy=0.9, per_class=[0.9, 0.9], weights="\x1b[2J[b]"))
    app = workbench()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert f'"{HOSTILE}"' in text and "[/b][@cli" in text
        assert not {"\x1b", "\x9b"} & set(text)
        assert app.is_running


async def test_garbage_in_the_events_does_not_stop_the_screen(root, workbench, screen_text, settle):
    run = write_run(root, Demo(epochs_done=4))
    with run.events.open("ab") as file:
        file.write(
            b'{"event": "epoch", "epoch": "x"}\nnot json\n\xff\xfe\n{"event": "step", "loss": 1e999}\n{"event": "epo'
        )
    with EventWriter(run.events) as events:
        events.write(Step(5, 10, math.inf, 0.1, math.nan))
        events.write(Epoch(epoch=5, train_loss=math.inf, test_loss=math.nan, test_accuracy=0.8, per_class=[0.8] * 10))
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "epoch 5" in screen_text(app) and "80.00" in screen_text(app)


async def test_a_long_run_is_on_the_screen_before_it_is_read_to_its_beginning(
    root, workbench, screen_text, settle, monkeypatch
):
    monkeypatch.setattr("tui.screens.dashboard.LONG_FILE", 1000)
    seen = []
    monkeypatch.setattr(Dashboard, "_show_whole", lambda self, view: seen.append(view))
    app = workbench("dashboard")
    app.workspace.selected = write_run(root, Demo(epochs_done=500, state="finished"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "epoch 500/500" in screen_text(app) and "per class" in screen_text(app)
        assert len(seen) == 1 and len(seen[0].history.epochs) == 500


async def test_it_reads_without_colour(root, workbench, screen_text, settle, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    write_run(root, Demo(epochs_done=30))
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = screen_text(app)
        for label in ("● test", "• train*", "┈ reported", "Δ epoch"):
            assert label in text, label
        assert app.screen.query_one("TopBar").lines[0][1][1] == "tab"


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_run_tested_only_at_its_end_says_so_in_every_pane_until_then(
    root, workbench, screen_text, settle, size
):
    app = workbench("dashboard")
    app.workspace.selected = write_tested_once(root, tested=False)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert text.count("tested at the end") == 2 and "no test yet" not in text, "accuracy and classes"
    app = workbench("dashboard")
    app.workspace.selected = write_tested_once(root, tested=True)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert "last 90.00" in text and "best" not in text
