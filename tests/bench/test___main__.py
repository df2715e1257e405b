"""The command line, with areas that measure nothing."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import __main__ as command
from bench.areas import ALL, USUAL, chosen
from bench.figures import figure
from bench.plan import Case, Wishes


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[str, ...], Wishes]]:
    """What `cases` is asked for; each area has one quick case and one that takes an hour."""
    asked = []

    def cases(areas: tuple[str, ...], wishes: Wishes) -> Iterator[Case]:
        asked.append((areas, wishes))
        for area in areas:
            yield Case(area, "quick", 0, 0.0, lambda: [{"what": "quick", "img/s": figure([1.0, 2.0])}])
            yield Case(area, "long", 1, 3600.0, lambda: [{"what": "long", "img/s": figure([1.0])}])

    monkeypatch.setattr(command, "cases", cases)
    monkeypatch.setattr(command, "machine", lambda: {"cpu": "x"})
    return asked


@pytest.mark.parametrize(
    ("words", "areas"),
    [
        ([], USUAL),
        (["zoo", "train"], ("zoo", "train")),
        (["engine"], ("train",)),
        (["train", "engine", "train"], ("train",)),
        (["all"], ALL),
        (["zoo", "all"], ("zoo", *[area for area in ALL if area != "zoo"])),
    ],
)
def test_areas_are_chosen_by_name(words, areas):
    assert chosen(words) == areas


def test_all_names_every_area():
    assert set(ALL) == {"train", "augment", "zoo", "workbench", "steps", "speedrun"}


def test_options_reach_the_areas(asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "airbench94.py").touch()
    command.main(["speedrun", "zoo", "--quick", "--airbench", str(tmp_path)])
    assert asked == [(("speedrun", "zoo"), Wishes(quick=True, airbench=tmp_path))]
    assert "speedrun is skipped" not in capsys.readouterr().out


def test_without_a_checkout_speedrun_is_skipped_with_one_line(asked, capsys: pytest.CaptureFixture[str]):
    command.main(["all"])
    lines = [line for line in capsys.readouterr().out.splitlines() if "--airbench" in line]
    assert lines == ["speedrun is skipped: it needs --airbench PATH, a checkout of KellerJordan/cifar10-airbench"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "invalid choice"),
        (["--budget", "0"], "invalid positive value"),
        (["--budget", "soon"], "invalid positive value"),
        (["--budget", "nan"], "invalid positive value"),
        (["--airbench", "nowhere"], "nowhere has none of airbench94.py"),
        (["compare", "A.json"], "the following arguments are required: B.json"),
        (["compare", "A.json", "B.json"], "No such file or directory: 'A.json'"),
    ],
)
def test_mistakes_are_told(words, message, capsys: pytest.CaptureFixture[str], monkeypatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        command.main(words)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_budget_names_what_it_left_out_on_the_terminal_and_in_the_file(asked, tmp_path: Path, capsys):
    file = tmp_path / "figures.json"
    command.main(["train", "zoo", "--budget", "60", "--json", str(file)])
    table = json.loads(file.read_text())
    assert {area: [row["what"] for row in rows] for area, rows in table["areas"].items()} == {
        "train": ["quick"],
        "zoo": ["quick"],
    }
    assert [text.partition(" (")[0] for text in table["left out"]] == ["train: long", "zoo: long"]
    printed = capsys.readouterr().out
    assert "left out, because the budget does not suffice:\n  train: long" in printed
    assert "load average before: " in printed
    assert "load average after: " in printed


def test_an_interrupted_measurement_keeps_its_rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def measure():
        yield {"what": "first", "img/s": figure([1.0])}
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "cases", lambda areas, wishes: [Case("train", "both", 0, 1.0, measure)])
    monkeypatch.setattr(command, "machine", lambda: {"cpu": "x"})
    file = tmp_path / "figures.json"
    with pytest.raises(KeyboardInterrupt):
        command.main(["train", "--json", str(file)])
    assert [row["what"] for row in json.loads(file.read_text())["areas"]["train"]] == ["first"]


def test_comparing_and_helping_load_no_torch():
    code = "import sys, bench.__main__; print('torch' in sys.modules)"
    root = Path(__file__).resolve().parent.parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "False"
