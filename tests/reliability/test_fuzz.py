"""Every field of every file of a run, filled with what does not belong there, and then looked at from every side."""

import asyncio
import dataclasses
import json
import os
import tempfile
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.contract.run.event_file import EventReader, as_table
from engine.contract.run.events import KINDS
from engine.contract.run.folder import RunInfo
from engine.contract.run.store import RunFolder, summarize
from tests.reliability.look import LIVE_READERS, READERS, by_commands, on_screens

HOSTILE = {
    "null": "null",
    "true": "true",
    "minus one": "-1",
    "a fraction": "1.5",
    "250": "250",
    "1e12": "1e12",
    "1e18": "1e18",
    "-1e300": "-1e300",
    "2**63": str(2**63),
    "400 digits": "9" * 400,
    "NaN": "NaN",
    "infinity": "1e999",
    "nan in words": '"nan"',
    "text": '"noon"',
    "empty text": '""',
    "a lone surrogate": '"\\ud800"',
    "escapes": '"\\u001b[2J\\u009b2J\\u202e\\u200b\\u0000 a\\tb\\nc\\r[/red][@click=app.quit]x"',
    "long text": json.dumps("x" * 100_000),
    "a list": "[]",
    "a list of null": "[null]",
    "a list of nonsense": '[1e18, -1, "x", [], {}]',
    "a long list": json.dumps([0.5] * 5000),
    "a table": "{}",
    "a table of nonsense": '{"index": 1e400, "others": [null, {"bytes": "x"}], "a": null, "memory_used": true}',
    "a list of such": '[{"index": 0, "others": [{"user": null, "bytes": 1e999}], "utilization": 1e300, "power": -5}]',
    "deep": "[" * 300 + "]" * 300,
    "a deep table": '{"a":' * 300 + "1" + "}" * 300,
}
"""As they stand in a file."""


def damaged(table: dict, path: tuple[str, ...], value: str) -> str:
    """The table as JSON with `value` in one place."""
    mark = "\N{SNOWMAN}"
    copy = json.loads(json.dumps(table))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = mark
    return json.dumps(copy).replace(json.dumps(mark), value)


def fields_of_events() -> list[tuple[str, str]]:
    return [(kind, item.name) for kind, record in KINDS.items() for item in dataclasses.fields(record)] + [
        (kind, "event") for kind in KINDS
    ]


def event_line(run: RunFolder, kind: str, field: str, value: str) -> bytes:
    """An event of the run with one field damaged; of a kind that the run has none of, one with defaults."""
    told = [event for event in EventReader(run.events).poll() if kind == event.KIND]
    event = told[-1] if told else KINDS[kind](t=run.info().created + 5)
    return damaged(as_table(event), (field,), value).encode() + b"\n"


FILES: dict[str, tuple[tuple[str, ...], ...]] = {
    "run.json": (
        *((item.name,) for item in dataclasses.fields(RunInfo)),
        ("placement", "device"), ("placement", "name"), ("placement", "tags"), ("versions", "torch"),
    ),
    "proc.json": (("host",), ("boot_id",), ("supervisor",), ("trainer",), ("supervisor", "pid"), ("trainer", "pid"),
                  ("supervisor", "create_time")),
    "heartbeat.json": (("pid",), ("state",), ("place",), ("note",), ("t",)),
    "exit.json": (("state",), ("reason",), ("message",), ("returncode",), ("signal",), ("detail",), ("ended",),
                  ("attempt",)),
}  # fmt: skip
LABELS = ("name", "tag", "untag", "note", "pinned", "t")
TOML = {
    "epochs": "5", "title": '"x"', "batch_size": "1", "model": '"lenet"', "model.name": '"lenet"', "optimizer.lr": "1",
    "schedule.name": '"cosine"', "augmentation": "[]", "seed": "1", "data.name": '"shapes"', "compute.precision": '"x"',
}  # fmt: skip
TOML_VALUES = (
    "0", "-1", "1e12", "inf", "nan", "9" * 5000, '"noon"', "true", "[]", "[1, [2]]", "{}", "{name = 1}", "1979-05-27",
    "07:32:00", '""', '"\\u202e\\u0007"', "[" * 200 + "]" * 200,
)  # fmt: skip


def damage_everywhere(run: RunFolder, value: str) -> int:
    """One event for each field of each kind, and one label for each key, with that value; how many places that is."""
    lines = [event_line(run, kind, field, value) for kind, field in fields_of_events()]
    good = run.events.read_bytes()
    half = good.index(b"\n", len(good) // 2) + 1
    run.events.write_bytes(good[:half] + b"".join(lines) + good[half:] + b"".join(lines))
    with run.labels_jsonl.open("a") as labels:
        labels.writelines(damaged({"t": 1.0}, (key,), value) + "\n" for key in LABELS)
    for path in (run.path, *run.path.iterdir()):
        os.utime(path, (1e9, 1e9))  # long unchanged: the index keeps its row
    return len(lines) + len(LABELS)


QUICK = ("null", "250", "1e18", "400 digits", "infinity", "a lone surrogate", "escapes", "a deep table")
"""Those that broke something once; the others take their turn with the long tests."""
values = pytest.mark.parametrize(
    "value",
    [pytest.param(text, id=name, marks=[] if name in QUICK else [pytest.mark.slow]) for name, text in HOSTILE.items()],
)


@values
def test_every_field_of_every_event_and_label_may_hold_anything(make_run, value, count):
    run, other = make_run(), make_run()
    count(damage_everywhere(run, value))
    answers = by_commands(run, other, (*READERS, *LIVE_READERS))
    for reader, answer in answers.items():
        if "run:RUN" not in reader:
            assert answer.code == 0, (reader, answer)
    assert summarize(run).garbage, "what could not be used is counted"
    assert "could not be read" in answers["runs show RUN"].out
    assert other.id in answers["runs list --json"].out


@pytest.mark.slow
@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
async def test_no_screen_minds(make_run, tmp_path, value, count):
    run, other = make_run(), make_run()
    count(damage_everywhere(run, value))
    shown = await on_screens(run, other, tmp_path)
    assert other.id[-4:] in shown["results"] and run.id[-4:] in shown["results"]
    assert "could not be read" in shown["log"]


@pytest.mark.parametrize("file", FILES)
def test_every_field_of_every_record_may_hold_anything(make_run, file, count):
    run, other = make_run(), make_run()
    path = run.path / file
    if file == "heartbeat.json":
        run.exit.unlink()
        path.write_text(json.dumps({"pid": 4242, "state": "running", "place": 0, "note": "", "t": 1e9}))
    if file == "run.json":
        run.events.unlink()  # or they would say when it began
    sound = path.read_bytes()
    table = json.loads(sound)
    tried = 0
    for place in FILES[file]:
        for value in HOSTILE.values():
            path.write_text(damaged(table, place, value))
            row = summarize(run)
            json.dumps(row.to_json(), allow_nan=False)
            assert row.started < 1e12 and row.seconds < 1e9, (place, value)
            tried += 1
        answers = by_commands(run, other, ("runs list", "runs list --json", "runs show RUN"))
        assert all(answers[reader].code == 0 for reader in ("runs list", "runs list --json"))
    count(tried)


@pytest.mark.slow
def test_every_field_of_a_recipe_may_hold_anything(make_run, count):
    run, other = make_run(), make_run()
    sound = run.recipe_toml.read_text()
    tried = 0
    for key in TOML:
        for value in TOML_VALUES:
            run.recipe_toml.write_text(f"{key} = {value}\n{sound}" if tried % 2 else f"{key} = {value}\n")
            answers = by_commands(run, other, ("runs show RUN", "presets show run:RUN"))
            assert all(answer.code in (0, 2) for answer in answers.values()), (key, value)
            tried += 1
    assert all(answer.code in (0, 2) for answer in by_commands(run, other).values())
    count(tried)


json_text = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["nan", "inf", "\ud800", "\x1b]0;x\x07"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
).map(json.dumps)
event_damage = st.tuples(st.sampled_from(fields_of_events()), json_text | st.sampled_from(list(HOSTILE.values())))
file_damage = st.tuples(
    st.sampled_from([(file, place) for file, places in FILES.items() for place in places]),
    json_text | st.sampled_from(list(HOSTILE.values())),
)


def spoil(run: RunFolder, events, files) -> None:
    """Put damaged events among the sound ones, and damage one place of some records."""
    lines = run.events.read_bytes().splitlines(keepends=True)
    for position, ((kind, field), value) in events:
        lines.insert(position % (len(lines) + 1), event_line(run, kind, field, value))
    run.events.write_bytes(b"".join(lines))
    for (file, place), value in files:
        path = run.path / file
        if path.exists():
            try:
                path.write_text(damaged(json.loads(path.read_text()), place, value))
            except (KeyError, TypeError):  # the damage before left no such place
                continue


@pytest.mark.slow
@pytest.mark.timeout(1200)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 1000), event_damage), max_size=6),
    st.lists(file_damage, max_size=2),
    st.sampled_from([(80, 24), (120, 40)]),
)
def test_damage_of_any_kind_in_any_place(make_run, count, events, files, size):
    run, other = make_run(), make_run()
    spoil(run, events, files)
    with tempfile.TemporaryDirectory() as scratch:
        by_commands(run, other)
        asyncio.run(on_screens(run, other, Path(scratch), size))
    count(1)


def test_the_clock_knows_no_wrong_time():
    from tui.drawing.format import clock

    for t in (float("nan"), float("inf"), -1.0, 1e12, 1e18, 253_402_300_800.0):
        assert clock(t) == "??:??:??" and clock(t, seconds=False) == "??:??"
    with patch.dict("os.environ", {"TZ": "Pacific/Kiritimati"}):
        assert clock(253_370_764_799.0).count(":") == 2
