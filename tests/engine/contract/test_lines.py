"""Append-only files of lines, against plain reading and writing of the same bytes."""

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contract.lines import MAX_LINE, LineReader, LineWriter, file_mode, open_regular, pieces

parts = st.lists(st.binary(max_size=40).map(lambda data: data.replace(b"x", b"\n")), max_size=12)


@settings(max_examples=50)
@given(parts)
def test_polls_give_the_bytes_of_the_file_up_to_its_last_newline(tmp_path_factory, parts):
    path = tmp_path_factory.mktemp("lines") / "file"
    reader, found = LineReader(path), b""
    for piece in parts:
        with path.open("ab") as file:
            file.write(piece)
        found += reader.poll()
        whole = path.read_bytes()
        assert found == whole[: whole.rfind(b"\n") + 1] and reader.offset == len(found)
    assert (reader.garbage, reader.restarts) == (0, 0)


@given(st.lists(st.binary(max_size=9).map(lambda data: data.replace(b"\n", b"") + b"\n")), st.integers(1, 20))
def test_pieces_are_whole_lines_and_no_longer_than_their_last_line_makes_them(lines, size):
    found = list(pieces(b"".join(lines), size))
    assert b"".join(found) == b"".join(lines)
    assert all(piece.endswith(b"\n") and len(piece[:-1].rpartition(b"\n")[0]) < size for piece in found)
    assert all(len(piece) >= size for piece in found[:-1])


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=20).map(lambda data: data.replace(b"\n", b"")), max_size=10), st.integers(0, 250))
def test_a_tail_begins_with_the_first_whole_line_in_it(tmp_path_factory, lines, size):
    path = tmp_path_factory.mktemp("lines") / "file"
    data = b"".join(line + b"\n" for line in lines)
    path.write_bytes(data)
    reader = LineReader(path)
    reader.seek_tail(size)
    starts = [i + 1 for i, byte in enumerate(data) if byte == ord("\n") and i + 1 >= len(data) - size]
    assert reader.poll() == (data if len(data) <= size + 1 else data[starts[0] :])


def test_a_limit_returns_whole_lines_a_part_at_a_time(tmp_path: Path):
    path = tmp_path / "file"
    data = b"".join(b"%d" % number + b" " * 1000 + b"\n" for number in range(3000))
    path.write_bytes(data)
    reader, parts = LineReader(path), []
    while part := reader.poll(1):
        assert part.endswith(b"\n") and len(part) <= MAX_LINE
        parts.append(part)
    assert len(parts) > 1 and b"".join(parts) == data


def test_a_line_that_is_too_long_is_skipped_and_counted(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"a\n" + b"x" * (3 * MAX_LINE) + b"\nb\n")
    reader = LineReader(path)
    assert (reader.poll(), reader.garbage) == (b"a\nb\n", 1)


def test_a_truncated_or_replaced_file_is_read_from_its_start(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"one\ntwo\n")
    reader = LineReader(path)
    reader.poll()
    path.write_bytes(b"1\n")
    assert (reader.poll(), reader.restarts) == (b"1\n", 1)
    (tmp_path / "other").write_bytes(b"other\n")
    (tmp_path / "other").replace(path)
    assert (reader.poll(), reader.restarts) == (b"other\n", 2)


def test_threads_share_a_writer_without_mixing_their_lines(tmp_path: Path):
    lines = {f"{thread}:{number}:" + "x" * number for thread in range(4) for number in range(100)}
    with LineWriter(tmp_path / "file") as writer:
        threads = [
            threading.Thread(target=lambda mine: [writer.write(line) for line in mine], args=(sorted(lines)[i::4],))
            for i in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    written = (tmp_path / "file").read_text().splitlines()
    assert len(written) == len(lines) and set(written) == lines


def test_a_torn_last_line_is_ended_before_the_next_one(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"whole\nhal")
    with LineWriter(path) as writer:
        writer.write("next")
        writer.write("last")
    assert path.read_bytes() == b"whole\nhal\nnext\nlast\n"


@pytest.mark.parametrize(("folder", "file"), [(0o700, 0o600), (0o755, 0o644), (0o2770, 0o660)])
def test_a_file_has_the_permissions_of_its_folder(tmp_path: Path, folder: int, file: int):
    tmp_path.chmod(folder)
    assert file_mode(tmp_path) == file
    LineWriter(tmp_path / "file").close()
    assert (tmp_path / "file").stat().st_mode & 0o777 == file


def test_only_a_regular_file_is_opened(tmp_path: Path):
    (tmp_path / "file").write_text("text")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "fifo")
    reasons = {
        "link": "a symbolic link, which is not followed here",
        "fifo": "not a regular file",
        ".": "a folder",
        "missing": "No such file or directory",
        "nul\0": "not a valid path",
    }
    for name, reason in reasons.items():
        with pytest.raises(OSError) as refused:
            os.close(open_regular(tmp_path / name))
        assert refused.value.strerror == reason
    os.close(open_regular(tmp_path / "link", follow=True))
