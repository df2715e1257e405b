"""Files that the user names are written whole or not at all."""

import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.contract.errors import BadInput
from engine.exchange.tensorboard.write import write_event_files
from tests.tui.demo import Demo, write_run
from tui.commands import out_file


@contextmanager
def little_room() -> Iterator[None]:
    """No file can grow beyond 100 bytes, as on a disk that is almost full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_has_the_permissions_of_the_umask_or_those_it_had(tmp_path):
    file = tmp_path / "table.csv"
    earlier = os.umask(0o027)
    try:
        out_file.write(file, "a\n", "--out")
    finally:
        os.umask(earlier)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    file.chmod(0o604)
    out_file.write(file, "é\n", "--out")
    assert file.read_bytes() == b"\xc3\xa9\n" and stat.S_IMODE(file.stat().st_mode) == 0o604
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_is_followed_and_stays(tmp_path):
    (tmp_path / "there").mkdir()
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "there" / "table.csv")
    out_file.write(link, "a\n", "--out")
    assert link.is_symlink() and (tmp_path / "there" / "table.csv").read_text() == "a\n"


def test_a_device_is_written_to_and_not_replaced():
    null = Path(os.devnull)
    out_file.write(null, "a\n", "--out")
    assert null.is_char_device()


def test_what_was_there_survives_a_disk_that_becomes_full(tmp_path):
    file = tmp_path / "table.csv"
    out_file.write(file, "old", "--out")
    with little_room(), pytest.raises(BadInput, match=r"^--out .*table\.csv: File too large$"):
        out_file.write(file, "new" * 100, "--out")
    assert file.read_text() == "old" and list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("exists", [False, True])
def test_of_event_files_that_do_not_fit_nothing_is_left(root, tmp_path, exists):
    pytest.importorskip("tensorboard")
    run = write_run(root, Demo(epochs_done=30))
    out = tmp_path / "out"
    if exists:
        out.mkdir()
        (out / "mine").touch()
    with little_room(), pytest.raises(OSError, match="File too large"):
        write_event_files(run, out)
    assert (list(out.iterdir()) == [out / "mine"]) if exists else not out.exists()
