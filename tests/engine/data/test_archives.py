"""Finding, checking and opening what is on this machine."""

import gzip
import hashlib
import tarfile
from pathlib import Path

import pytest

from engine.data.archives import DataError, data_root, locate, read_members, unpack, verify
from engine.data.sources import SOURCES


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_checksums_and_names_are_those_of_torchvision(name):
    from torchvision import datasets

    reader = {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}[name]
    source = SOURCES[name]
    assert (source.folder, source.python.name, source.python.md5) == (
        reader.base_folder,
        reader.filename,
        reader.tgz_md5,
    )
    files = [file for file, _ in reader.train_list + reader.test_list] + [reader.meta["filename"]]
    assert list(source.members) == files


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_names_and_checksums_of_both_mnists_are_those_of_torchvision(name):
    from torchvision import datasets

    reader = {"mnist": datasets.MNIST, "fashion_mnist": datasets.FashionMNIST}[name]
    source = SOURCES[name]
    assert [(file.name, file.md5) for file in source.files] == reader.resources
    assert source.folder == f"{reader.__name__}/raw"
    assert all(len(file.sha256) == 64 for file in source.files)


def test_the_pinned_sha256_belong_to_files_with_the_official_md5(cifar10_dir):
    from torchvision.datasets import CIFAR10

    official = dict(CIFAR10.train_list + CIFAR10.test_list) | {CIFAR10.meta["filename"]: CIFAR10.meta["md5"]}
    for member, sha256 in SOURCES["cifar10"].members.items():
        content = (cifar10_dir / SOURCES["cifar10"].folder / member).read_bytes()
        assert hashlib.md5(content).hexdigest() == official[member]
        assert hashlib.sha256(content).hexdigest() == sha256


def test_an_unpacked_folder_comes_before_the_archives_and_python_before_binary(tiny, tmp_path):
    (tmp_path / tiny.source.binary.name).write_bytes(tiny.binary)
    assert locate("cifar10", tmp_path).kind == "binary_archive"
    (tmp_path / tiny.source.python.name).write_bytes(tiny.python)
    assert locate("cifar10", tmp_path).kind == "python_archive"
    folder = tiny.put_folder(tmp_path)
    assert (locate("cifar10", tmp_path).kind, locate("cifar10", tmp_path).path) == ("folder", folder)


def test_the_folder_of_the_batches_itself_may_be_given(tiny, tmp_path):
    folder = tiny.put_folder(tmp_path)
    assert locate("cifar10", folder) == locate("cifar10", tmp_path)


def test_the_folder_of_the_four_files_itself_may_be_given(tiny_mnists, tmp_path):
    folder = tiny_mnists["mnist"].put(tmp_path)
    assert (folder, data_root(folder)) == (tmp_path / "MNIST" / "raw", tmp_path)
    assert locate("mnist", folder) == locate("mnist", tmp_path)
    assert data_root(tmp_path / "raw") == tmp_path / "raw"


def test_the_data_folder_is_the_argument_else_the_environment_else_the_users_own(private_folders, monkeypatch):
    assert data_root() == private_folders / "data" / "cifar-tui" / "data"
    monkeypatch.setenv("CIFAR_TUI_DATA", "/from/environment")
    assert data_root() == Path("/from/environment")
    assert data_root("/given") == Path("/given")
    assert data_root("~/data") == Path.home() / "data"


def test_a_folder_with_a_batch_missing_is_no_data_set_and_the_error_names_the_batch(tiny, tmp_path):
    (tiny.put_folder(tmp_path) / "data_batch_3").unlink()
    with pytest.raises(DataError, match="lacks data_batch_3"):
        verify("cifar10", tmp_path)


def test_missing_data_is_one_line_with_places_and_ways_out(tiny, tmp_path):
    with pytest.raises(DataError) as caught:
        verify("cifar10", tmp_path)
    (line,) = caught.value.problems
    assert "\n" not in line
    for word in (
        str(tmp_path),
        "cifar-10-batches-py",
        "cifar-10-python.tar.gz",
        "cifar-10-binary.tar.gz",
        "cifar-tui data fetch cifar10",
        "--from FILE",
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        "quickstart",
    ):
        assert word in line, word


def test_a_generated_data_set_is_nowhere_and_never_missing(tmp_path):
    assert (locate("shapes", tmp_path).kind, locate("shapes", tmp_path).missing) == ("generated", False)


@pytest.mark.parametrize("damaged", [("data_batch_2",), ("data_batch_2", "batches.meta")])
def test_every_damaged_batch_is_named(tiny, tmp_path, damaged):
    folder = tiny.put_folder(tmp_path)
    for member in damaged:
        content = bytearray((folder / member).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / member).write_bytes(content)
    with pytest.raises(DataError) as caught:
        verify("cifar10", tmp_path)
    assert len(caught.value.problems) == len(damaged)
    for member, problem in zip(damaged, caught.value.problems, strict=True):
        assert str(folder / member) in problem and "damaged" in problem


def test_checking_tells_its_progress_up_to_the_last_byte(tiny, tmp_path):
    tiny.put_folder(tmp_path)
    seen = []
    verify("cifar10", tmp_path, lambda done, total, what: seen.append((done, total, what)))
    total = sum(map(len, tiny.members.values()))
    assert [what for *_, what in seen] == [f"checking {name}" for name in tiny.members]
    assert seen[-1][:2] == (total, total) and sorted(seen, key=lambda s: s[0]) == seen


def _dots(info):
    info.name = "../" + info.name


def _absolute(info):
    info.name = "/" + info.name


def _symlink(info):
    info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc/passwd", 0


def _hardlink(info):
    info.type, info.linkname, info.size = tarfile.LNKTYPE, "other", 0


def _device(info):
    info.type, info.size = tarfile.CHRTYPE, 0


def _fifo(info):
    info.type, info.size = tarfile.FIFOTYPE, 0


@pytest.mark.parametrize("spoil", [_dots, _absolute, _symlink, _hardlink, _device, _fifo])
def test_a_tar_with_anything_but_plain_files_inside_it_is_refused(tar_gz, tmp_path, spoil):
    path = tmp_path / "a.tar.gz"
    path.write_bytes(tar_gz({"folder/file": b"x"}, spoil))
    with pytest.raises(DataError, match="is not a regular file inside the archive"):
        list(read_members(path, {"folder/file"}))


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>no</html>", gzip.compress(b"not a tar"), gzip.compress(b"x" * 4096)[:30]],
    ids=["empty", "html", "no tar", "cut"],
)
def test_what_is_no_tar_is_one_error_not_a_traceback(tmp_path, content):
    path = tmp_path / "a.tar.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.tar\.gz"):
        list(read_members(path, {"file"}))


def test_a_cut_archive_and_one_that_lacks_a_file_are_refused(tar_gz, tmp_path):
    path = tmp_path / "a.tar.gz"
    whole = tar_gz({"a": hashlib.shake_256(b"").digest(40_000), "b": b"2"})
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cannot read"):
        list(read_members(path, {"a", "b"}))
    path.write_bytes(whole)
    with pytest.raises(DataError, match="lacks c"):
        list(read_members(path, {"a", "c"}))


def test_unpacking_writes_no_file_with_a_wrong_checksum(tiny, tar_gz, tmp_path):
    files = {f"cifar-10-batches-py/{name}": content for name, content in tiny.members.items()}
    files["cifar-10-batches-py/data_batch_1"] = b"cposix\nsystem\n(S'false'\ntR."  # a pickle that would run a command
    path = tmp_path / "a.tar.gz"
    path.write_bytes(tar_gz(files))
    with pytest.raises(DataError, match="data_batch_1"):
        unpack(path, tiny.source, tmp_path / "out")
    assert list((tmp_path / "out" / "cifar-10-batches-py").iterdir()) == []


@pytest.mark.usefixtures("mortal")
def test_a_folder_that_one_may_not_enter_is_not_said_to_hold_nothing(tiny, tmp_path):
    tiny.put_folder(tmp_path)
    tmp_path.chmod(0)
    try:
        location = locate("cifar10", tmp_path)
        with pytest.raises(DataError) as caught:
            verify("cifar10", tmp_path)
    finally:
        tmp_path.chmod(0o700)
    assert location.missing and location.denied
    owner = tmp_path.owner()
    assert f"cannot be read: permission denied, it belongs to {owner} ({tmp_path})" in str(caught.value)
    assert "not on this machine" not in str(caught.value)
    assert not locate("cifar100", tmp_path).denied
