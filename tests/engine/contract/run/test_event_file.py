"""Events survive the way to a file and back, whatever values they hold."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contract.clock import LATEST
from engine.contract.run.event_file import EventReader, decode, encode, read_event
from engine.contract.run.events import KINDS, Epoch, Message, Step, System
from tests.engine.contract.run.nonsense import NONSENSE

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
