"""Where the output of a command goes: closed, full, cut off, or of another encoding; and what it must not carry."""

import json
import subprocess
import sys

import pytest

from engine.contract.files import write_atomic
from engine.contract.recipe.resolve import resolve
from presets import references
from tests.reliability.look import by_commands, call, environment, on_screens

COMMANDS = ("runs list", "runs list --json", "runs show RUN", "presets list", "schedules show cosine", "models list")


def shell(tmp_path, command: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """A command line with `cifar-tui` in it, as a shell runs it."""
    program = f"{sys.executable} -c 'from tui.cli import main; main()'"
    return subprocess.run(
        ["/bin/bash", "-c", f"cifar_tui() {{ {program} \"$@\"; }}; {command}"],
        env=environment(tmp_path) | variables, capture_output=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_stdout_that_is_full_closed_or_cut_off_is_no_traceback(make_run, root, tmp_path, command, count):
    count(6)
    words = command.replace("RUN", make_run().id)
    where = {"CIFAR_TUI_RUNS": str(root)}
    full = shell(tmp_path, f"cifar_tui {words} > /dev/full", **where)
    assert full.returncode == 1
    assert full.stderr == b"error: cannot write to stdout: No space left on device\n"
    for redirection in (">&-", ">&- 2>&-", "<&- >&- 2>&-"):
        closed = shell(tmp_path, f"cifar_tui {words} {redirection}", **where)
        assert (closed.returncode, closed.stderr) == (0, b""), redirection
    cut = shell(tmp_path, f"cifar_tui {words} | true; exit ${{PIPESTATUS[0]}}", **where)
    assert (cut.returncode, cut.stderr) == (0, b"")
    unheard = shell(tmp_path, f"cifar_tui {words} nonsense 2> /dev/full", **where)
    assert unheard.returncode == 2, "a mistake keeps its code where it cannot be told"


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-16-le"])
def test_any_encoding_will_do(make_run, root, tmp_path, encoding, count):
    count(len(COMMANDS))
    run = make_run()
    for command in COMMANDS:
        done = shell(
            tmp_path, f"cifar_tui {command.replace('RUN', run.id)}", CIFAR_TUI_RUNS=str(root), PYTHONIOENCODING=encoding
        )
        assert (done.returncode, done.stderr) == (0, b""), command
        assert done.stdout.decode(encoding)


@pytest.mark.slow
def test_the_viewer_of_a_run_says_that_it_cannot_show_it_and_leaves_it_alone(make_run, root, tmp_path, count):
    count(1)
    run = make_run()
    done = shell(tmp_path, f"cifar_tui runs watch {run.id} --json > /dev/full", CIFAR_TUI_RUNS=str(root))
    assert done.returncode == 1 and b"No space left on device" in done.stderr
    assert run.status().state == "finished"


@pytest.mark.slow
@pytest.mark.parametrize("end", ["> /dev/full", "| true"])
def test_a_run_in_the_foreground_goes_on_without_its_viewer(tmp_path, private_folders, end, count):
    count(1)
    words = (
        "--preset quickstart --model lenet --set epochs=1 --set schedule.warmup=0 --set data.fraction=0.1 --device cpu"
    )
    done = shell(tmp_path, f"cifar_tui {words} --headless --json {end}; exit ${{PIPESTATUS[0]}}")
    assert done.returncode == (1 if "full" in end else 0), done
    assert (b"the run continues" in done.stderr) == ("full" in end)
    ended = call("runs", "wait", "@last")
    assert ended.code == 0 and "finished" in ended.out


SEQUENCES = {
    40: "\x1b[2J",
    41: "\x1b]0;title\x07",
    42: "\x1b]52;c;ZXZpbA==\x07",
    43: "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\",
    44: "\x1bPq#0;2;0;0;0\x1b\\",
    45: "seen\rhidden\b\b\b",
    46: "[/] [@click=app.quit]x[/] [0] [TODO] [[nested] (a[0])]",
    "C1": "\x9b2J\x9d0;t\x9c\x85",
    "bidi": "a\u202egnp.exe\u2066b\u2069\u200f",
    "invisible": "a\u200bb\u2060c\ufeffd\U000e0041",
    "surrogate": "\ud800x\udcff",
    "lines": "one\ttwo\nthree\u2028four",
}
"""By their numbers among the bad inputs, and what else steers a terminal."""


def carry(run, text: str) -> None:
    """Put a text wherever a run holds text: what its owner wrote, what it printed, what it told."""
    quoted = json.dumps(text)
    with run.labels_jsonl.open("a") as labels:
        labels.write(f'{{"name": {quoted}}}\n{{"tag": {quoted}}}\n{{"note": {quoted}}}\n')
    table = json.loads(run.run_json.read_text())
    table |= dict.fromkeys(("preset", "changes", "command", "host", "model"), text)
    write_atomic(run.run_json, json.dumps(table | {"versions": {text: text}}).encode())
    with run.events.open("a") as events:
        for kind, fields in {
            "run_started": ("device", "device_name", "precision", "compile"),
            "phase": ("name", "note"),
            "message": ("level", "text"),
            "epoch": ("weights", "tta"),
            "checkpoint": ("file", "why"),
            "system": ("gpu_note",),
        }.items():
            told = {"event": kind, "t": run.info().created, "epoch": 6, "test_accuracy": 0.5, "tta_accuracy": 0.5}
            told |= {"classes": [text] * 10, "per_class": [0.5] * 10} | dict.fromkeys(fields, text)
            events.write(json.dumps(told) + "\n")
    run.log.write_bytes(text.encode(errors="surrogatepass") + b"\n")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(text, id=str(name), marks=[pytest.mark.slow] if name in (40, 41, 42, 43) else [])
        for name, text in SEQUENCES.items()
    ],
)
def test_nothing_that_a_run_holds_steers_the_terminal(make_run, text, count):
    count(1)
    run, other = make_run(), make_run()
    carry(run, text)
    answers = by_commands(run, other)  # which looks at every character
    rows = answers["runs list"].out.splitlines()
    assert len(rows) == 4, "a head, two runs and a footnote: no text makes a line of its own"
    listed = {row["id"]: row for row in json.loads(answers["runs list --json"].out)}
    assert listed[run.id]["name"] == text, "JSON holds it as it is, in ASCII"
    assert all(answer.out.isascii() for reader, answer in answers.items() if "--json" in reader)


@pytest.mark.slow
@pytest.mark.parametrize("text", SEQUENCES.values(), ids=map(str, SEQUENCES))
async def test_nothing_that_a_run_holds_steers_a_screen(make_run, tmp_path, text, count):
    count(1)
    run, other = make_run(), make_run()
    carry(run, text)
    await on_screens(run, other, tmp_path)  # which looks at every character


def test_a_recipe_with_a_hidden_character_stays_a_preset_and_shows_it(tmp_path):
    from engine.contract.recipe.catalog import catalog
    from presets.loader import read_table

    title = 'a\u202eb\x9b"\\\x07'
    recipe = references.recipe_of("quickstart", catalog()).model_copy(update={"title": title})
    path = tmp_path / "hidden.toml"
    path.write_text(recipe.to_toml(), encoding="utf-8")
    assert recipe.to_toml().replace("\n", "").isprintable()
    assert resolve(read_table(path), catalog()).title == title
    assert call("presets", "show", path).out == recipe.to_toml()


def test_an_output_that_is_lost_is_not_lost_twice(tmp_path):
    """What is left in a buffer must not fail again when Python ends: its code would be 120."""
    done = shell(tmp_path, "cifar_tui --version > /dev/full")
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1
