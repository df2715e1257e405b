"""Data sets brought by hand."""

import pytest

from engine.data.archives import DataError, locate
from engine.data.imports import import_archive


@pytest.fixture
def desk(tmp_path):
    """Where people keep what they have downloaded; the data folder is beside it."""
    (tmp_path / "desk").mkdir()
    return tmp_path / "desk"


@pytest.mark.parametrize("kind", ["python", "binary"])
def test_an_archive_is_known_by_its_content_whatever_its_name(tiny, desk, tmp_path, kind):
    (desk / "download (1).bin").write_bytes(getattr(tiny, kind))
    location = import_archive(desk / "download (1).bin", tmp_path / "data")
    assert location.kind == f"{kind}_archive"
    assert location.path.name == getattr(tiny.source, kind).name
    assert location.path.read_bytes() == getattr(tiny, kind)
    assert list((tmp_path / "data").iterdir()) == [location.path]
    assert (desk / "download (1).bin").exists()


@pytest.mark.parametrize("inside", [False, True])
def test_a_folder_of_batches_or_the_folder_around_it_is_taken(tiny, desk, tmp_path, inside):
    folder = tiny.put_folder(desk)
    location = import_archive(folder if inside else desk, tmp_path / "data")
    assert location.kind == "folder"
    assert {path.name: path.read_bytes() for path in location.path.iterdir()} == tiny.members


def test_an_archive_that_lies_in_the_data_folder_already_may_be_named(tiny, tmp_path):
    path = tmp_path / tiny.source.python.name
    path.write_bytes(tiny.python)
    assert import_archive(path, tmp_path) == locate("cifar10", tmp_path)
    assert path.read_bytes() == tiny.python


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"\n <!DOCTYPE html><html>", "looks like a web page"),
        (
            b"\x1f\x8b\x08",
            "it has 3 bytes, but cifar-10-python.tar.gz of CIFAR-10 has .*; was the download interrupted",
        ),
    ],
    ids=["empty", "web page", "cut"],
)
def test_what_is_not_an_archive_is_refused_with_a_guess(tiny, desk, tmp_path, content, message):
    path = desk / tiny.source.python.name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        import_archive(path, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_one_flipped_bit_is_refused(tiny, desk, tmp_path):
    wrong = bytearray(tiny.python)
    wrong[100] ^= 4
    path = desk / tiny.source.python.name
    path.write_bytes(wrong)
    with pytest.raises(DataError, match="its SHA-256 is not that of cifar-10-python"):
        import_archive(path, tmp_path / "data")


def test_a_damaged_folder_is_refused_whole(tiny, desk, tmp_path):
    folder = tiny.put_folder(desk)
    (folder / "test_batch").write_bytes(b"x")
    with pytest.raises(DataError, match="test_batch"):
        import_archive(folder, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_folder_without_batches_and_a_missing_file_are_one_line(tiny, desk, tmp_path):
    with pytest.raises(
        DataError, match="does not contain the files of a known data set: CIFAR-10 .cifar-10-batches-py."
    ):
        import_archive(desk, tmp_path / "data")
    with pytest.raises(DataError, match="No such file"):
        import_archive(desk / "nothing.tar.gz", tmp_path / "data")


def test_a_data_folder_that_cannot_be_made_is_one_line(tiny, desk, tmp_path):
    (desk / "a.tar.gz").write_bytes(tiny.python)
    with pytest.raises(DataError, match="cannot write to"):
        import_archive(desk / "a.tar.gz", desk / "a.tar.gz" / "data")
