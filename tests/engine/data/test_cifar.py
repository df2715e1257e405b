"""From files on disk to arrays: all sources give the same, and nothing damaged is ever used."""

import hashlib
import os
import pickle
import stat
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from engine.contract.recipe.schema import DataConfig
from engine.data.archives import DataError
from engine.data.arrays import Arrays, cache_path, cached
from engine.data.cifar import cifar10, cifar100, read_binary
from engine.data.load import load
from engine.data.sources import SOURCES

FINGERPRINT = "0fc13bcb9f623f9086f3ae57ac1c6096e9f9be5ac7e6c90ef76ee81dc2bf3756"  # of the official batches


def silent(name: str, note: str) -> None:
    """Hears phases and does nothing."""


def put(tiny, root, kind):
    root.mkdir(exist_ok=True)
    if kind == "folder":
        return tiny.put_folder(root)
    path = root / getattr(tiny.source, kind).name
    path.write_bytes(getattr(tiny, kind))
    return path


@pytest.mark.parametrize("kind", ["folder", "python", "binary"])
def test_every_source_gives_the_images_and_labels_that_went_in(tiny, tmp_path, kind):
    put(tiny, tmp_path, kind)
    arrays = cifar10(str(tmp_path), silent)
    images = np.concatenate([arrays.train_images, arrays.test_images])
    assert np.array_equal(images.transpose(0, 3, 1, 2), tiny.images)
    assert np.array_equal(np.concatenate([arrays.train_labels, arrays.test_labels]), tiny.labels)
    assert len(arrays.train_labels) == 100
    assert arrays.classes[0] == "airplane" and arrays.classes[9] == "truck" and len(arrays.classes) == 10


def test_every_source_has_the_same_fingerprint(tiny, tmp_path):
    found = set()
    for kind in ("folder", "python", "binary"):
        put(tiny, tmp_path / kind, kind)
        found.add(cifar10(str(tmp_path / kind), silent).fingerprint)
    assert len(found) == 1


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda raw: b"\xc8" + raw[1:], r"image 0 has the label 200, outside 0\.\.9"),
        (lambda raw: raw[:3073] + b"\x0a" + raw[3074:], "image 1 has the label 10"),
        (lambda raw: raw[:-1], "not 100 records of 3073"),
        (lambda raw: raw + bytes(3073), "not 100 records of 3073"),
    ],
    ids=["label 200", "label 10", "short", "long"],
)
def test_a_binary_archive_that_is_not_ten_classes_of_whole_records_is_refused(
    tiny, tar_gz, tmp_path, monkeypatch, spoil, message
):
    name = "cifar-10-batches-bin/data_batch_1.bin"
    spoilt = tiny.replaced(monkeypatch, binary=tar_gz(tiny.records | {name: spoil(tiny.records[name])}))
    put(spoilt, tmp_path, "binary")
    with pytest.raises(DataError, match=message):
        cifar10(str(tmp_path), silent)
    assert not cache_path("cifar10").exists()


def test_cifar100_takes_the_fine_labels_from_batches_and_from_records(tar_gz, tmp_path, monkeypatch):
    from torchvision.datasets import CIFAR100

    rng = np.random.default_rng(2)
    images, coarse = rng.integers(0, 256, (240, 3072), dtype=np.uint8), np.full(240, 7, np.uint8)
    fine = np.concatenate([rng.permutation(100), rng.integers(0, 100, 140)]).astype(np.uint8)
    parts = {"train": slice(0, 200), "test": slice(200, 240)}
    names = [f"thing {i}".replace(" ", "_") for i in range(100)]

    pickles = {
        name: {"data": images[part], "fine_labels": fine[part].tolist(), "coarse_labels": coarse[part].tolist()}
        for name, part in parts.items()
    } | {"meta": {"fine_label_names": names, "coarse_label_names": ["all"]}}
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    for name, content in pickles.items():
        (folder / name).write_bytes(pickle.dumps(content))
    md5, sha256 = (
        {name: hashlib.new(kind, (folder / name).read_bytes()).hexdigest() for name in pickles}
        for kind in ("md5", "sha256")
    )
    monkeypatch.setattr(CIFAR100, "train_list", [["train", md5["train"]]])
    monkeypatch.setattr(CIFAR100, "test_list", [["test", md5["test"]]])
    monkeypatch.setattr(CIFAR100, "meta", CIFAR100.meta | {"md5": md5["meta"]})
    source = replace(SOURCES["cifar100"], train_images=200, test_images=40, members=sha256)
    monkeypatch.setitem(SOURCES, "cifar100", source)

    records = {
        f"cifar-100-binary/{name}.bin": np.column_stack([coarse[part], fine[part], images[part]]).tobytes()
        for name, part in parts.items()
    } | {source.layout.names: "\n".join(names).encode()}
    path = tmp_path / source.binary.name
    path.write_bytes(tar_gz(records))

    batches, parsed = cifar100(str(tmp_path), silent), read_binary(path, source)
    assert batches.fingerprint == parsed.fingerprint
    assert np.array_equal(parsed.train_labels, fine[:200]) and parsed.classes == tuple(names)
    assert np.array_equal(parsed.test_images[3].transpose(2, 0, 1).ravel(), images[203])


def test_a_binary_archive_with_the_wrong_number_of_class_names_is_refused(tiny, tar_gz, tmp_path):
    path = tmp_path / "a.tar.gz"
    path.write_bytes(tar_gz(tiny.records | {"cifar-10-batches-bin/batches.meta.txt": b"cat\ndog\n"}))
    with pytest.raises(DataError, match="names 2 classes, not 10"):
        read_binary(path, tiny.source)


@pytest.mark.parametrize("kind", ["folder", "python", "binary"])
@pytest.mark.parametrize("warm", [False, True], ids=["no cache", "cached before"])
def test_one_flipped_byte_is_refused_even_when_a_good_cache_exists(tiny, tmp_path, kind, warm):
    path = put(tiny, tmp_path, kind)
    if warm:
        cifar10(str(tmp_path), silent)
    victim = path / "data_batch_4" if kind == "folder" else path
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 255
    victim.write_bytes(content)
    os.utime(victim, ns=(1, 1))  # the clock of a file system may be too coarse to see a change within a test
    with pytest.raises(DataError, match="damaged"):
        cifar10(str(tmp_path), silent)


def test_torchvision_has_the_last_word_on_a_batch(tiny, tmp_path, monkeypatch):
    from torchvision.datasets import CIFAR10

    put(tiny, tmp_path, "folder")
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", "0" * 32]])
    with pytest.raises(DataError, match="torchvision rejects"):
        cifar10(str(tmp_path), silent)


def test_a_second_load_reads_the_cache_and_not_the_batches(tiny, tmp_path, monkeypatch):
    put(tiny, tmp_path, "folder")
    first = cifar10(str(tmp_path), silent)
    monkeypatch.setattr("engine.data.cifar._read", lambda location: pytest.fail("read the source again"))
    assert cifar10(str(tmp_path), silent).fingerprint == first.fingerprint


def test_another_data_folder_is_read_for_itself(tiny, tmp_path, monkeypatch):
    put(tiny, tmp_path / "a", "folder")
    cifar10(str(tmp_path / "a"), silent)
    put(tiny, tmp_path / "b", "binary")
    read = []
    monkeypatch.setattr("engine.data.cifar.read_binary", lambda *given: read.append(given) or read_binary(*given))
    cifar10(str(tmp_path / "b"), silent)
    assert len(read) == 1


@pytest.mark.parametrize(
    "spoil",
    [lambda raw: raw[: len(raw) // 2], lambda raw: b"", lambda raw: raw.replace(raw[9000:9004], b"????", 1)],
    ids=["cut", "empty", "changed"],
)
def test_a_damaged_cache_is_noticed_said_and_made_again(tiny, tmp_path, spoil):
    put(tiny, tmp_path, "folder")
    first = cifar10(str(tmp_path), silent)
    whole = cache_path("cifar10").read_bytes()
    cache_path("cifar10").write_bytes(spoil(whole))
    said = []
    assert cifar10(str(tmp_path), lambda *phase: said.append(phase)).fingerprint == first.fingerprint
    assert any("damaged" in note for _, note in said)
    assert cache_path("cifar10").stat().st_size == len(whole)


def test_no_flipped_bit_in_a_cache_stops_a_run_or_changes_the_data():
    pixels = np.arange(600, dtype=np.uint8).reshape(-1, 5, 5, 3)
    labels = np.zeros(len(pixels), np.uint8)
    made = Arrays(pixels, labels, pixels, labels, ("a", "b"))
    assert cached("bits", "key", lambda: made, silent) is made
    whole = cache_path("bits").read_bytes()
    for place in range(0, len(whole), 7):
        spoilt = bytearray(whole)
        spoilt[place] ^= 1 << place % 8
        cache_path("bits").write_bytes(spoilt)
        assert cached("bits", "key", lambda: made, silent).fingerprint == made.fingerprint, place


def test_a_cache_with_other_pixels_under_a_good_zip_checksum_is_noticed(tiny, tmp_path):
    put(tiny, tmp_path, "folder")
    first = cifar10(str(tmp_path), silent)
    with np.load(cache_path("cifar10")) as file:
        inside = dict(file)
    inside["train_images"][0, 0, 0, 0] ^= 1
    np.savez(cache_path("cifar10"), **inside)
    assert cifar10(str(tmp_path), silent).fingerprint == first.fingerprint


def test_without_room_for_a_cache_the_data_are_used_all_the_same(tiny, tmp_path, empty_cache):
    put(tiny, tmp_path, "folder")
    empty_cache.write_text("a file where the cache folder should be")
    said = []
    assert len(cifar10(str(tmp_path), lambda *phase: said.append(phase)).train_labels) == 100
    assert any("cannot write the cache" in note for _, note in said)


@pytest.mark.parametrize("kind", ["folder", "python", "binary"])
def test_a_read_only_data_folder_works_and_is_left_untouched(tiny, tmp_path, kind):
    path = put(tiny, tmp_path / "data", kind)
    before = sorted(tmp_path.rglob("*"))
    for entry in [*path.parent.rglob("*"), path.parent]:
        entry.chmod(entry.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    try:
        assert len(cifar10(str(tmp_path / "data"), silent).train_labels) == 100
        assert sorted(tmp_path.rglob("*")) == before  # says as much when root runs it, who may write anywhere
    finally:
        for entry in [path.parent, *path.parent.rglob("*")]:
            entry.chmod(0o700)


def test_missing_data_are_fetched_and_the_phases_say_so(tiny, tmp_path, serve, monkeypatch):
    monkeypatch.setenv("CIFAR_TUI_MIRRORS", serve(body=tiny.python).url.replace("cifar-10-python.tar.gz", "{file}"))
    said = []
    cifar10(str(tmp_path / "new"), lambda *phase: said.append(phase))
    assert said[0] == ("fetching", "CIFAR-10")
    assert ("fetching", "0 of 0 MB, checking the SHA-256") in said
    assert said[-1][0] == "preparing data"


def test_a_cached_data_set_needs_no_torchvision(tiny, tmp_path):
    put(tiny, tmp_path, "folder")
    cifar10(str(tmp_path), silent)
    code = f"""
import sys
from engine.data import cifar
assert cifar._load("cifar10", {str(tmp_path)!r}, print).train_labels.size == 100
sys.exit("torch" in sys.modules or "torchvision" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_real_batches_give_the_known_statistics_and_what_torchvision_gives(cifar10_dir):
    from torchvision.datasets import CIFAR10

    data = load(DataConfig(name="cifar10"), str(cifar10_dir), silent)
    assert np.allclose(data.mean, (0.4914, 0.4822, 0.4465), atol=5e-5)
    assert np.allclose(data.std, (0.2470, 0.2435, 0.2616), atol=5e-5)
    assert data.fingerprint == FINGERPRINT
    for split, train in ((data.train, True), (data.test, False)):
        official = CIFAR10(str(cifar10_dir), train=train)
        assert np.array_equal(split.images.permute(0, 2, 3, 1).numpy(), official.data)
        assert split.labels.tolist() == official.targets
        assert data.classes == tuple(official.classes)


def test_a_binary_archive_of_the_real_batches_gives_the_same_fingerprint(cifar10_dir, tar_gz, tmp_path):
    source = SOURCES["cifar10"]
    records = {source.layout.names: b"airplane automobile bird cat deer dog frog horse ship truck".replace(b" ", b"\n")}
    for batch in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        with (cifar10_dir / source.folder / batch).open("rb") as file:
            content = pickle.load(file, encoding="latin1")
        labels = np.asarray(content["labels"], np.uint8)[:, None]
        records[f"cifar-10-batches-bin/{batch}.bin"] = np.hstack([labels, content["data"]]).tobytes()
    path = tmp_path / source.binary.name
    path.write_bytes(tar_gz(records))
    assert read_binary(path, source).fingerprint == FINGERPRINT
