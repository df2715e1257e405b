"""A reader of an events file copes with whatever it finds there, and a writer with a full disk."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.contract.lines import MAX_LINE
from engine.contract.run.event_file import EventReader, EventWriter, decode, encode
from engine.contract.run.events import Step
from tests.engine.contract.run.nonsense import NONSENSE


def same(one: object, other: object) -> bool:
    return repr(one) == repr(other)  # NaN is not equal to itself, but is written the same


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
        "from engine.contract.run.event_file import EventWriter\nfrom engine.contract.run.events import Step\n"
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
    writer.write(Step(t=1.0, epoch=1))
    writer.close()
    writer.close()
    assert [event.epoch for event in EventReader(path).poll()] == [1]
