"""Both MNISTs: four files each, whichever way they come, and one grey channel."""

import gzip
import hashlib
import os

import numpy as np
import pytest
import torch

from engine import attempt as trainer
from engine.analysis.history import History
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import DataConfig, Placement
from engine.contract.run.create import create
from engine.data.archives import DataError, locate, verify
from engine.data.fetch import fetch
from engine.data.imports import import_archive
from engine.data.load import load
from engine.data.mnist import fashion_mnist, mnist

READ = {"mnist": mnist, "fashion_mnist": fashion_mnist}
NAMES = list(READ)


def silent(name: str, note: str) -> None:
    """Hears phases and does nothing."""


@pytest.mark.parametrize("name", NAMES)
def test_the_images_and_labels_that_went_in_come_out(tiny_mnists, tmp_path, name):
    tiny = tiny_mnists[name]
    tiny.put(tmp_path)
    arrays = READ[name](str(tmp_path), silent)
    assert arrays.train_images.shape == (100, 28, 28, 1) and arrays.test_images.shape == (20, 28, 28, 1)
    assert np.array_equal(np.concatenate([arrays.train_images, arrays.test_images])[..., 0], tiny.images)
    assert np.array_equal(np.concatenate([arrays.train_labels, arrays.test_labels]), tiny.labels)


def test_a_digit_is_called_by_its_digit_and_clothes_by_their_name(tiny_mnists, tmp_path):
    for tiny in tiny_mnists.values():
        tiny.put(tmp_path)
    assert mnist(str(tmp_path), silent).classes == tuple("0123456789")
    assert fashion_mnist(str(tmp_path), silent).classes[::9] == ("T-shirt/top", "Ankle boot")


def test_statistics_are_of_one_channel(tiny_mnists, tmp_path):
    tiny = tiny_mnists["mnist"]
    tiny.put(tmp_path)
    data = load(DataConfig(name="mnist"), str(tmp_path), silent)
    pixels = tiny.images[:100] / 255
    assert (data.channels, data.image_size) == (1, 28)
    assert np.allclose(data.mean, [pixels.mean()]) and np.allclose(data.std, [pixels.std()])
    plain = load(DataConfig(name="mnist", normalize="none"), str(tmp_path), silent)
    assert (plain.mean, plain.std) == ((0.0,), (1.0,))


def test_a_second_load_reads_the_cache_without_torchvision(tiny_mnists, tmp_path, monkeypatch):
    tiny_mnists["mnist"].put(tmp_path)
    first = mnist(str(tmp_path), silent)
    monkeypatch.setattr("engine.data.mnist._read", lambda location: pytest.fail("read the source again"))
    assert mnist(str(tmp_path), silent).fingerprint == first.fingerprint


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"])
def test_one_flipped_byte_is_refused_even_when_a_good_cache_exists(tiny_mnists, tmp_path, name):
    folder = tiny_mnists["mnist"].put(tmp_path)
    mnist(str(tmp_path), silent)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 255
    (folder / name).write_bytes(content)
    os.utime(folder / name, ns=(1, 1))
    for look in (lambda: mnist(str(tmp_path), silent), lambda: verify("mnist", tmp_path)):
        with pytest.raises(DataError, match=f"{name} is damaged"):
            look()


def test_torchvision_has_the_last_word_on_a_file(tiny_mnists, tmp_path, monkeypatch):
    from torchvision.datasets import MNIST

    tiny_mnists["mnist"].put(tmp_path)
    monkeypatch.setattr(MNIST, "resources", [(name, "0" * 32) for name, _ in MNIST.resources])
    with pytest.raises(DataError, match="torchvision rejects .*MD5"):
        mnist(str(tmp_path), silent)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no gzip", "cannot unpack"),
        (gzip.compress(b"x" * 4096)[:30], "cannot unpack"),
        (gzip.compress(b"\0\0\7\3"), "torchvision rejects"),
        (gzip.compress(b"\0\0\10\3" + b"\0\0\0\1" * 3 + b"x"), r"contains an array of \(1, 1, 1\), not 100 images"),
    ],
    ids=["no gzip", "cut", "no idx", "another size"],
)
def test_a_file_with_the_right_sums_and_the_wrong_contents_is_one_error(
    tiny_mnists, tmp_path, monkeypatch, content, message
):
    from torchvision.datasets import MNIST

    folder = tiny_mnists["mnist"].put(tmp_path)
    first = "train-images-idx3-ubyte.gz"
    (folder / first).write_bytes(content)
    resources = [(name, hashlib.md5((folder / name).read_bytes()).hexdigest()) for name, _ in MNIST.resources]
    monkeypatch.setattr(MNIST, "resources", resources)
    monkeypatch.setattr("engine.data.mnist.check", lambda location: None)
    with pytest.raises(DataError, match=message):
        mnist(str(tmp_path), silent)


@pytest.mark.parametrize("name", NAMES)
def test_four_files_arrive_where_torchvision_expects_them(tiny_mnists, tmp_path, serve, monkeypatch, name):
    mirror = serve(files=tiny_mnists[name].files)
    monkeypatch.setenv("CIFAR_TUI_MIRRORS", f"http://127.0.0.1:{mirror.port}/{{name}}/{{file}}")
    said = []
    location = fetch(name, tmp_path, lambda *step: said.append(step))
    assert (location.kind, location.path) == ("folder", tmp_path / tiny_mnists[name].source.folder)
    assert {path.name: path.read_bytes() for path in location.path.iterdir()} == tiny_mnists[name].files
    assert mirror.paths == [f"/{name}/{file}" for file in tiny_mnists[name].files]
    total = sum(map(len, tiny_mnists[name].files.values()))
    assert said[-1] == (total, total, "checking the SHA-256")
    assert sorted(said) == said and {step[1] for step in said} == {total}


def test_a_fetch_asks_only_for_what_is_missing_and_goes_on_where_it_stopped(tiny_mnists, tmp_path, serve):
    tiny = tiny_mnists["mnist"]
    folder = tiny.put(tmp_path)
    half = "t10k-images-idx3-ubyte.gz"
    (folder / half).unlink()
    (folder / f"{half}.part").write_bytes(tiny.files[half][:5000])
    mirror = serve(files=tiny.files)
    assert fetch("mnist", tmp_path, mirrors=[f"http://127.0.0.1:{mirror.port}/{{file}}"]).kind == "folder"
    assert (mirror.paths, mirror.asked) == ([f"/{half}"], ["bytes=5000-"])


def test_a_mirror_with_the_other_mnist_gives_nothing(tiny_mnists, tmp_path, serve):
    mirror = serve(files=tiny_mnists["fashion_mnist"].files)
    with pytest.raises(DataError, match="no mirror served train-images-idx3-ubyte.gz .*wrong SHA-256"):
        fetch("mnist", tmp_path, mirrors=[f"http://127.0.0.1:{mirror.port}/{{file}}"])
    assert locate("mnist", tmp_path).missing


def test_missing_data_are_fetched_on_the_way_to_a_run(tiny_mnists, tmp_path, serve, monkeypatch):
    mirror = serve(files=tiny_mnists["mnist"].files)
    monkeypatch.setenv("CIFAR_TUI_MIRRORS", f"http://127.0.0.1:{mirror.port}/{{file}}")
    said = []
    assert len(load(DataConfig(name="mnist"), str(tmp_path), lambda *phase: said.append(phase)).train) == 100
    assert ("fetching", "MNIST") in said and said[-1] == ("preparing data", "MNIST")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("inside", [False, True])
def test_of_two_folders_with_the_same_names_the_sums_tell_which_it_is(tiny_mnists, tmp_path, name, inside):
    folder = tiny_mnists[name].put(tmp_path / "desk")
    location = import_archive(folder if inside else tmp_path / "desk", tmp_path / "data")
    assert (location.name, location.kind) == (name, "folder")
    assert {path.name: path.read_bytes() for path in location.path.iterdir()} == tiny_mnists[name].files


def test_files_may_be_brought_one_by_one_and_say_what_is_still_missing(tiny_mnists, tmp_path):
    tiny = tiny_mnists["fashion_mnist"]
    desk = tiny.put(tmp_path / "desk")
    left = list(tiny.files)
    while left:
        location = import_archive(desk / left.pop(0), tmp_path / "data")
        assert location.name == "fashion_mnist" and location.missing == bool(left)
        assert all(name in location.note for name in left)


def test_a_damaged_folder_is_refused_whole_and_by_the_name_that_it_comes_nearest_to(tiny_mnists, tmp_path):
    folder = tiny_mnists["fashion_mnist"].put(tmp_path / "desk")
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(b"x")
    with pytest.raises(DataError, match="is a damaged Fashion-MNIST: t10k-labels-idx1-ubyte.gz has"):
        import_archive(folder, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_cut_file_is_told_how_long_either_one_of_its_name_is(tiny_mnists, tmp_path):
    path = tmp_path / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(b"\x1f\x8b")
    sizes = [f"{path.name} of {tiny.source.title} has {len(tiny.files[path.name])}" for tiny in tiny_mnists.values()]
    with pytest.raises(DataError, match=f"it has 2 bytes, but {', '.join(sizes)}; was the download interrupted"):
        import_archive(path, tmp_path / "data")
    path.write_bytes(bytes(len(tiny_mnists["mnist"].files[path.name])))
    with pytest.raises(DataError, match="its SHA-256 is not that of"):
        import_archive(path, tmp_path / "data")


def test_missing_data_are_one_line_with_the_four_files_and_ways_out(tiny_mnists, tmp_path):
    with pytest.raises(DataError) as caught:
        verify("fashion_mnist", tmp_path)
    (line,) = caught.value.problems
    words = [str(tmp_path), "FashionMNIST/raw", "cifar-tui data fetch fashion_mnist", "--from FOLDER", "quickstart"]
    for word in words + list(tiny_mnists["fashion_mnist"].files):
        assert word in line, word


@pytest.fixture
def threads_as_they_were():
    """A run sets torch's threads; the next test gets its own back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads_as_they_were")
def test_a_run_goes_from_the_four_files_to_a_trained_lenet(tiny_mnists, tmp_path):
    tiny_mnists["fashion_mnist"].put(tmp_path / "data")
    table = {
        "epochs": 2,
        "batch_size": 50,
        "model": "lenet",
        "augmentation": ["random_crop", "horizontal_flip", "cutmix"],
        "optimizer": {"name": "sgd", "lr": 0.05},
        "data": {"name": "fashion_mnist", "train_slice": "first:0.5"},
        "evaluate": {"tta": "crops", "train_every": 1},
        "compute": {"precision": "fp32"},
    }
    placement = Placement(threads=1, device="cpu", data_dir=str(tmp_path / "data"))
    run = create(tmp_path / "runs", resolve(table, catalog()), seed=0, placement=placement)
    assert trainer.carry_out(run, lambda: False) == 0
    history = History(run.events)
    history.poll()
    assert (history.started.train_images, history.started.test_images, history.started.params) == (50, 20, 44_426)
    assert history.started.classes[9] == "Ankle boot"
    for figure in ("test_accuracy", "tta_accuracy", "clean_train_accuracy"):
        assert np.isfinite(history.epoch(figure)).all() and len(history.epoch(figure)) == 2
