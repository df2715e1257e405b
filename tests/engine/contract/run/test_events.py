"""Events survive the way to disk and back, and a reader survives whatever it finds there."""

import dataclasses
import json
import math
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contract.clock import LATEST
from engine.contract.lines import MAX_LINE
from engine.contract.run import events
from engine.contract.run.events import (
    KINDS,
    Epoch,
    EventReader,
    EventWriter,
    Message,
    RunStarted,
    Step,
    System,
    decode,
    encode,
    read_event,
)

whole = st.integers(-(2**53), 2**53)
number = st.floats(allow_nan=True, allow_infinity=True)
text = st.text(max_size=20)
share = st.floats(0, 1) | st.just(math.nan)
size = st.floats(0, 2**53) | st.just(math.nan)
count = st.integers(0, 2**53)
VALUES = {
    "float": number,
    "int": whole,
    "Moment": st.floats(0, LATEST),
    "Share": share,
    "Size": size,
    "Rate": st.one_of(st.floats(0), st.just(float("nan"))),
    "Count": count,
    "Nth": st.integers(0, 1_000_000),
    "str": text,
    "bool": st.booleans(),
    "list[str]": st.lists(text, max_size=3),
    "list[Share]": st.lists(share, max_size=3),
    "list[Count]": st.lists(count, max_size=3),
    "dict[str, Size]": st.dictionaries(text, size, max_size=3),
    "list[dict[str, Any]]": st.lists(
        st.fixed_dictionaries({"index": whole, "power": number, "others": st.just([]), "name": text}), max_size=2
    ),
}
any_event = st.one_of(
    *(
        st.builds(kind, **{item.name: VALUES[str(item.type)] for item in dataclasses.fields(kind)})
        for kind in KINDS.values()
    )
)


def same(one: object, other: object) -> bool:
    return repr(one) == repr(other)  # NaN is not equal to itself, but is written the same


def reject_constant(name: str) -> float:
    raise AssertionError(f"{name} is not strict JSON")


@given(any_event)
def test_every_event_comes_back_as_it_was(event):
    line = encode(event)
    assert "\n" not in line
    json.loads(line, parse_constant=reject_constant)
    assert same(decode(line), event)
    assert same(decode(line.encode()), event)


def test_the_kind_comes_first_in_a_line():
    assert encode(Step(t=1.0, epoch=2)).startswith('{"event": "step", "t": 1.0, "epoch": 2')


def test_numpy_numbers_are_written_as_plain_ones():
    event = Epoch(epoch=np.int64(3), test_accuracy=np.float32(0.5), per_class=np.array([0.25, np.nan]))  # type: ignore[arg-type]
    back = decode(encode(event))
    assert isinstance(back, Epoch)
    assert (back.epoch, back.test_accuracy, back.per_class[0]) == (3, 0.5, 0.25)
    assert math.isnan(back.per_class[1])


def test_what_is_no_number_at_all_is_a_mistake_of_the_writer():
    with pytest.raises(AttributeError):
        encode(Message(text=object()))  # type: ignore[arg-type]


def test_a_gpu_user_who_is_called_nan_keeps_the_name():
    event = System(gpus=[{"power": math.nan, "others": [{"user": "nan", "bytes": 5}]}])
    back = decode(encode(event))
    assert isinstance(back, System)
    assert back.gpus[0]["others"] == [{"user": "nan", "bytes": 5}]
    assert math.isnan(back.gpus[0]["power"])


def test_unknown_fields_are_dropped_and_missing_ones_take_their_default():
    assert same(decode('{"event": "step", "epoch": 4, "colour": "red"}'), Step(t=0.0, epoch=4))


NONSENSE = {
    "empty": b"",
    "blank": b"   ",
    "torn": b'{"event": "step", "t": 1.0, "ep',
    "unknown kind": b'{"event": "party", "t": 1.0}',
    "kind is a list": b'{"event": ["step"]}',
    "kind is missing": b'{"t": 1.0}',
    "list": b"[1, 2]",
    "number": b"17",
    "null": b"null",
    "deep": b"[" * 100_000,
    "deep object": b'{"event":' * 50_000 + b"1" + b"}" * 50_000,
    "too many digits": b'{"event": "step", "epoch": ' + b"9" * 5000 + b"}",
    "beyond 2**53": b'{"event": "step", "epoch": 9007199254740993}',
    "true for an epoch": b'{"event": "epoch", "epoch": true, "test_accuracy": 0.5}',
    "null for an epoch": b'{"event": "epoch", "epoch": null, "test_accuracy": 0.5}',
    "fraction of an epoch": b'{"event": "resumed", "epoch": 1.5}',
    "an epoch beyond a million": b'{"event": "epoch", "epoch": 1000001, "test_accuracy": 0.5}',
    "negative epoch": b'{"event": "step", "epoch": -1}',
    "invalid UTF-8": b'{"event": "message", "text": "\xff\xfe"}',
    "NUL": b"\x00" * 40,
    "two objects": b'{"event": "step"} {"event": "step"}',
}


@pytest.mark.parametrize("line", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_decodes_to_nothing(line):
    assert decode(line) is None


UNFIT = {
    "null": ("test_loss", "null"),
    "text for a number": ("test_loss", '"low"'),
    "list for a number": ("lr", "[1]"),
    "true for a number": ("nonfinite", "true"),
    "fraction for a whole number": ("nonfinite", "1.5"),
    "negative count": ("nonfinite", "-1"),
    "number for text": ("weights", "5"),
    "table for a list": ("per_class", '{"0": 1.0}'),
    "list for a table": ("seconds", "[1.0]"),
    "null in a list": ("per_class", "[0.5, null]"),
    "negative time of a phase": ("seconds", '{"train": -1}'),
    "percent for a share": ("test_accuracy", "93.4"),
    "an accuracy of 250": ("test_accuracy", "250"),
    "negative accuracy": ("test_accuracy", "-0.5"),
    "infinite accuracy": ("test_accuracy", '"inf"'),
    "percent by class": ("per_class", "[93.4, 12.0]"),
    "negative learning rate": ("lr", "-0.1"),
    "infinite speed": ("images_per_second", "1e999"),
    "text for a time": ("t", '"noon"'),
    "a time without end": ("t", "1e999"),
    "no time": ("t", "NaN"),
    "a time far beyond the calendar": ("t", "1e18"),
    "a time beyond the year 9999": ("t", "1e12"),
    "a time before 1970": ("t", "-5"),
}


@pytest.mark.parametrize(("name", "value"), UNFIT.values(), ids=UNFIT)
def test_one_unfit_field_costs_itself_alone_and_is_counted(path, name, value):
    fit = encode(Epoch(epoch=7, train_loss=0.25, t=1e9)).replace(f'"{name}": ', f'"{name}": {value}, "_": ')
    path.write_text(fit + "\n")
    reader = EventReader(path)
    assert same(reader.poll(), [dataclasses.replace(Epoch(7, 0.25, t=1e9), **({"t": 0.0} if name == "t" else {}))])
    assert reader.garbage == 1


def test_lenient_numbers_are_read():
    for literal, value in (("NaN", math.nan), ("1e999", math.inf), ("-Infinity", -math.inf), ('"inf"', math.inf)):
        event = decode(f'{{"event": "step", "loss": {literal}}}')
        assert isinstance(event, Step)
        assert same(event.loss, value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | number | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(KINDS)), st.data())
def test_an_event_with_any_values_decodes_or_is_nothing(kind, data):
    names = [item.name for item in dataclasses.fields(KINDS[kind])]
    table = data.draw(st.dictionaries(st.sampled_from(names), json_values, max_size=4))
    event = decode(json.dumps({"event": kind} | table))
    assert event is None or isinstance(event, KINDS[kind])


@given(st.binary(max_size=200))
def test_any_bytes_decode_without_an_exception(line):
    assert decode(line) is None


@settings(max_examples=50)
@given(st.lists(st.one_of(any_event, st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")))), st.integers(1, 400))
def test_a_file_written_in_pieces_reads_the_same_as_in_one_go(tmp_path_factory, items, size):
    lines = [item if isinstance(item, bytes) else encode(item).encode() for item in items]
    data = b"".join(line + b"\n" for line in lines)
    whole_file, growing = (tmp_path_factory.mktemp("run") / "events.jsonl" for _ in range(2))
    whole_file.write_bytes(data)
    expected = EventReader(whole_file)
    reader, got = EventReader(growing), []
    for start in range(0, len(data), size):
        with growing.open("ab") as file:
            file.write(data[start : start + size])
        got += reader.poll()
    assert same(got, expected.poll())
    assert same(got, [event for line in lines if (event := decode(line)) is not None])
    objects = [json.loads(line) for line in lines if is_object(line)]
    garbage = sum(1 for line in lines if not is_object(line) and line.strip())
    assert reader.garbage == expected.garbage == garbage + sum(read_event(table)[1] for table in objects)


def is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def test_a_half_line_waits_for_its_end(path):
    line = encode(Step(epoch=1)).encode()
    reader = EventReader(path)
    path.write_bytes(line[:20])
    assert reader.poll() == []
    with path.open("ab") as file:
        file.write(line[20:] + b"\n")
    assert same(reader.poll(), [decode(line)])
    assert reader.poll() == []
    assert reader.garbage == 0


def test_a_line_torn_by_a_crash_costs_one_row(path):
    with EventWriter(path) as writer:
        writer.write(Step(epoch=1))
    with path.open("ab") as file:
        file.write(b'{"event": "step", "epo')  # killed here
    with EventWriter(path) as writer:
        writer.write(Step(epoch=2))
    reader = EventReader(path)
    assert [event.epoch for event in reader.poll() if isinstance(event, Step)] == [1, 2]
    assert reader.garbage == 1


def test_garbage_between_lines_is_skipped_and_counted(path):
    good = encode(Step(epoch=1)).encode()
    path.write_bytes(b"\n".join([good, b"{},{}", b"[1", b"2]", b"\xff", b"", good, NONSENSE["deep"], good]) + b"\n")
    reader = EventReader(path)
    assert len(reader.poll()) == 3
    assert reader.garbage == 5


def test_an_unknown_kind_is_skipped_without_being_garbage(path):
    path.write_text('{"event": "party"}\n')
    reader = EventReader(path)
    assert (reader.poll(), reader.garbage) == ([], 0)


@pytest.mark.parametrize("size", [MAX_LINE - 1, MAX_LINE, MAX_LINE + 1, 5 * MAX_LINE + 7])
def test_a_huge_line_is_stepped_over_and_the_next_one_read(path, size):
    good = encode(Step(epoch=1)).encode()
    path.write_bytes(good + b"\n" + b"x" * size)
    reader = EventReader(path)
    assert len(reader.poll()) == 1
    assert reader.poll() == []  # no end of it in sight yet
    with path.open("ab") as file:
        file.write(b"x\n" + good + b"\n")
    assert same(reader.poll(), [decode(good)])
    assert reader.garbage == 1


def test_a_cut_or_replaced_file_is_read_again_from_its_start(path):
    with EventWriter(path) as writer:
        writer.write(Step(epoch=1))
        writer.write(Step(epoch=2))
    reader = EventReader(path)
    assert len(reader.poll()) == 2
    path.write_text(encode(Step(epoch=7)) + "\n")
    assert [event.epoch for event in reader.poll() if isinstance(event, Step)] == [7]
    other = path.with_name("other")
    other.write_text((encode(Step(epoch=8)) + "\n") * 3)
    other.replace(path)
    assert len(reader.poll()) == 3
    assert reader.restarts == 2


def test_what_is_no_regular_file_has_no_events(tmp_path):
    os.mkfifo(tmp_path / "fifo")  # a plain open would block here for ever
    (tmp_path / "folder").mkdir()
    (tmp_path / "real").write_text(encode(Step()) + "\n")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "device").symlink_to("/dev/zero")
    for name in ("fifo", "folder", "link", "loop", "device", "missing"):
        reader = EventReader(tmp_path / name)
        assert reader.poll() == reader.tail(100) == [], name


def test_the_tail_is_whole_lines_and_the_next_poll_goes_on_behind_it(path):
    lines = [encode(Step(t=1.0, epoch=number)) + "\n" for number in range(100)]
    path.write_text("".join(lines))
    for size in (0, 1, len(lines[-1]) - 1, len(lines[-1]), len(lines[-1]) + 1, 10**9):
        expected = [line for number, line in enumerate(lines) if sum(map(len, lines[number:])) <= size]
        assert same(EventReader(path).tail(size), [decode(line) for line in expected]), size
    reader = EventReader(path)
    reader.tail(300)
    with path.open("a") as file:
        file.write(encode(Step(t=1.0, epoch=999)) + "\n")
    assert same(reader.poll(), [Step(t=1.0, epoch=999)])


def test_a_reader_beside_a_writing_process_loses_and_tears_nothing(path):
    count = 5000
    code = (
        "import sys; from pathlib import Path\n"
        "from engine.contract.run.events import EventWriter, Step\n"
        f"with EventWriter(Path(sys.argv[1])) as w:\n    for n in range({count}): w.write(Step(epoch=1, step=n))"
    )
    reader, got = EventReader(path), []
    writer = subprocess.Popen([sys.executable, "-c", code, str(path)])
    while writer.poll() is None:
        got += reader.poll()
    got += reader.poll()
    assert writer.returncode == 0
    assert [event.step for event in got if isinstance(event, Step)] == list(range(count))
    assert reader.garbage == 0


def test_a_full_disk_is_said_and_leaves_a_file_that_reads(path):
    resource_before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    writer = EventWriter(path)
    try:
        writer.write(Step(epoch=1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, resource_before[1]))
        for _ in range(2):
            with pytest.raises(OSError, match=r"space|large"):
                writer.write(Step(epoch=2))
        resource.setrlimit(resource.RLIMIT_FSIZE, resource_before)  # somebody made room
        writer.write(Step(epoch=3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, resource_before)
        signal.signal(signal.SIGXFSZ, handler)
        writer.close()
    reader = EventReader(path)
    assert [event.epoch for event in reader.poll() if isinstance(event, Step)] == [1, 3]


@pytest.mark.parametrize(("folder", "file"), [(0o700, 0o600), (0o2770, 0o660)])
def test_a_new_file_is_as_open_as_its_folder_whatever_the_umask(tmp_path, folder, file):
    run = tmp_path / "run"
    run.mkdir()
    run.chmod(folder)
    before = os.umask(0o077)
    try:
        EventWriter(run / "events.jsonl").close()
    finally:
        os.umask(before)
    assert (run / "events.jsonl").stat().st_mode & 0o777 == file


def test_closing_twice_is_harmless(path):
    writer = EventWriter(path)
    writer.close()
    writer.close()


def test_reasons_are_what_the_command_line_promises():
    assert {"traceback", "gpu_memory", "diverged", "disk_full", "supervisor_lost", "reboot"} < set(events.REASONS)
    assert RunStarted().best_on == "test"
