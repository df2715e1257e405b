"""Event files byte by byte, against TensorBoard's own writer."""

import random

import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from engine.contract.errors import BadInput
from engine.exchange.imports import points
from engine.exchange.tensorboard import needed, records
from engine.exchange.tensorboard.read import read_event_file
from engine.exchange.tensorboard.records import Broken, blocks


@pytest.fixture
def file(tmp_path):
    """A file with records of these bytes."""

    def write(contents):
        path = tmp_path / "events.out.tfevents.1.x"
        with path.open("wb") as opened:
            writer = RecordWriter(opened)
            for content in contents:
                writer.write(content)
        return path

    return write


@pytest.fixture
def log(file):
    """An event file with ten points."""
    summaries = [Summary(value=[Summary.Value(tag="loss", simple_value=step)]) for step in range(10)]
    events = [Event(file_version="brain.Event:2"), *(Event(step=n, summary=one) for n, one in enumerate(summaries))]
    return file([event.SerializeToString() for event in events])


def test_records_of_any_length_come_back_whatever_the_size_of_a_block(file, monkeypatch):
    rng = random.Random(0)
    contents = [rng.randbytes(rng.choice([0, 1, 7, 8, 40, 1024, 1025, 70_000])) for _ in range(200)]
    for size in (16, 1000, 1 << 20):
        monkeypatch.setattr(records, "BLOCK", size)
        read = []
        assert [one for block in blocks(file(contents), read.append) for one in block] == contents
        assert sum(read) == file(contents).stat().st_size


@pytest.mark.parametrize("kept", range(0, 150, 7))
def test_a_file_that_was_cut_off_gives_what_comes_before_and_says_where(log, kept):
    whole = log.read_bytes()
    log.write_bytes(whole[: len(whole) - 1 - kept])
    ends = [0]
    for block in blocks_of(whole):
        ends.append(ends[-1] + 16 + len(block))
    if len(whole) - 1 - kept in ends:
        return  # cut between two records, which nobody can see
    with pytest.raises(BadInput, match="ends within a record, at byte .*; --partial imports what comes before"):
        read_event_file(log)
    content = read_event_file(log, partial=True)
    expected = sum(end <= len(whole) - 1 - kept for end in ends) - 2
    assert content.tracks.by_tag["loss"].seen == expected and "cut off" in content.notes[0]


def blocks_of(whole):
    import struct

    at = 0
    while at < len(whole):
        (length,) = struct.unpack_from("<Q", whole, at)
        yield whole[at + 12 : at + 12 + length]
        at += 16 + length


def test_any_flipped_bit_is_noticed(log):
    whole = log.read_bytes()
    rng = random.Random(1)
    for _ in range(60):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        log.write_bytes(damaged)
        with pytest.raises(BadInput):
            read_event_file(log)


@pytest.mark.parametrize(
    "content", [b"x" * 100, b"\x89PNG\r\n\x1a\n" + bytes(100), bytes(100), b"\xff" * 100, b"\x80\x04}\x94." * 30]
)
def test_a_foreign_file_is_named_as_one(tmp_path, content):
    path = tmp_path / "events.out.tfevents.1.x"
    path.write_bytes(content)
    with pytest.raises(BadInput, match="not an event file") as refused:
        read_event_file(path)
    assert not isinstance(refused.value, Broken)


def test_records_of_another_kind_are_no_events(file):
    for content in (b"hello", Event(step=1).SerializeToString()):
        with pytest.raises(BadInput, match="not an event file of TensorBoard"):
            read_event_file(file([content]))


def test_a_million_tags_are_refused_early(file, monkeypatch):
    monkeypatch.setattr(points, "MOST_TAGS", 50)
    many = [Event(file_version="brain.Event:2")]
    many += [Event(summary=Summary(value=[Summary.Value(tag=f"t{n}", simple_value=1)])) for n in range(60)]
    with pytest.raises(BadInput, match="more than .* scalars"):
        read_event_file(file([event.SerializeToString() for event in many]))


def test_without_the_package_the_command_to_install_it_is_named(log, monkeypatch):
    monkeypatch.setattr(needed, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"pip install 'cifar-tui\[tensorboard\]'"):
        read_event_file(log)
