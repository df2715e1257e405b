"""Further test sets as people have them: each layout is recognized, and each mistake is one line."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.contract.errors import BadInput
from engine.data.given.hashes import hashed, identity
from engine.data.given.layouts import CIFAR10, open_given, slug
from engine.data.given.model_input import ModelInput

COLOR = ModelInput("cifar10", CIFAR10, 3, 32)
GRAY = ModelInput("mnist", tuple(map(str, range(10))), 1, 28)
RNG = np.random.default_rng(1)
IMAGES = RNG.integers(0, 256, (20, 32, 32, 3), np.uint8)
LABELS = np.arange(20) % 10


def pixels(given, at=0, size=7):
    return np.concatenate(list(given.parts[at].images.batches(size)))


def problem(source, wants=COLOR, **options) -> str:
    with pytest.raises(BadInput) as error:
        open_given(str(source), wants, **options)
    assert all("\n" not in line for line in error.value.problems)
    return str(error.value)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(("images", "labels"), [("images", "labels"), ("x_test", "y_test"), ("data", "label")])
def test_an_archive_is_read_in_pieces(tmp_path, compressed, images, labels):
    file = tmp_path / "My set.npz"
    (np.savez_compressed if compressed else np.savez)(file, **{images: IMAGES, labels: LABELS})
    given = open_given(str(file), COLOR)
    assert given.name == "my-set" and given.layout == "npz" and given.images == 20
    assert (pixels(given) == IMAGES).all() and (given.labels == LABELS).all() and given.labels.dtype == np.int64


def test_classes_of_an_archive_are_mapped_by_name(tmp_path):
    other = tuple(reversed(CIFAR10))
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=LABELS, classes=np.array(other))
    np.savez(tmp_path / "b.npz", images=IMAGES, labels=np.array([other[label] for label in LABELS]))
    for name in ("a", "b"):
        assert (open_given(str(tmp_path / f"{name}.npz"), COLOR).labels == 9 - LABELS).all()
    np.savez(tmp_path / "c.npz", images=IMAGES, labels=LABELS, classes=np.array(["shp", *other[1:]]))
    assert "class 'shp' is not one of cifar10; did you mean ship?" in problem(tmp_path / "c.npz")
    np.savez(tmp_path / "d.npz", images=IMAGES, labels=LABELS, classes=np.array(["ship", *other[1:]]))
    assert "class 'ship' occurs twice" in problem(tmp_path / "d.npz")


def test_channels_may_come_first_and_gray_images_may_have_none(tmp_path):
    np.save(tmp_path / "a.npy", IMAGES.transpose(0, 3, 1, 2))
    assert (pixels(open_given(str(tmp_path / "a.npy"), COLOR)) == IMAGES).all()
    gray = IMAGES[:, :28, :28, 0]
    np.save(tmp_path / "b.npy", gray)
    assert (pixels(open_given(str(tmp_path / "b.npy"), GRAY))[..., 0] == gray).all()
    np.save(tmp_path / "c.npy", np.asfortranarray(IMAGES))
    assert (pixels(open_given(str(tmp_path / "c.npy"), COLOR)) == IMAGES).all()


def newer(folder: Path, version="v6", labels=LABELS) -> Path:
    folder.mkdir(exist_ok=True)
    np.save(folder / f"cifar10.1_{version}_data.npy", IMAGES)
    np.save(folder / f"cifar10.1_{version}_labels.npy", labels.astype(np.int32))
    return folder


def test_cifar10_1_is_found_by_its_folder_its_file_or_its_name(tmp_path):
    folder = newer(tmp_path / "CIFAR-10.1")
    file = folder / "cifar10.1_v6_data.npy"
    for source in (folder, file, "cifar10.1"):
        given = open_given(str(source), COLOR, data_dir=str(tmp_path))
        assert (given.name, given.layout) == ("cifar10.1-v6", "cifar10.1") and (given.labels == LABELS).all()
    assert [row["role"] for row in hashed(given)] == ["images", "labels"] and not given.notes
    newer(folder, "v4")
    given = open_given(str(folder), COLOR)
    assert given.name == "cifar10.1-v6" and "name cifar10.1_v4_data.npy for another version" in given.notes[0]
    assert open_given(str(folder / "cifar10.1_v4_data.npy"), COLOR).name == "cifar10.1-v4"


def test_cifar10_1_fits_the_classes_of_cifar10_only(tmp_path):
    folder = newer(tmp_path / "a")
    assert "is a test set for the classes of CIFAR-10, but the run has mnist" in problem(folder, GRAY)
    missing = newer(tmp_path / "b", labels=LABELS % 5)
    assert "no image of class 5 (dog) and 4 more: these labels are not those of cifar10" in problem(missing)
    (missing / "cifar10.1_v6_labels.npy").unlink()
    assert "its labels, cifar10.1_v6_labels.npy, are not beside it" in problem(missing)


def test_a_set_that_is_not_there_says_where_it_comes_from(tmp_path):
    told = problem("cifar10-c", data_dir=str(tmp_path))
    assert f"not in {tmp_path} (looked for CIFAR-10-C, cifar10-c); get it from https://zenodo.org/" in told
    assert problem("cifar-10-c").endswith("no such file or folder; did you mean cifar10-c?")


@pytest.fixture
def folder(tmp_path):
    """In the layout of CIFAR-10-C, with 20 images."""
    place = tmp_path / "C"
    place.mkdir()
    for at, name in enumerate(("fog", "gaussian_noise", "spatter")):
        np.save(place / f"{name}.npy", np.concatenate([IMAGES + np.uint8(10 * at + i) for i in range(5)]))
    np.save(place / "labels.npy", np.tile(LABELS, 5).astype(np.uint8))
    return place


def test_corruptions_come_in_the_order_of_the_paper_with_their_severities(folder):
    given = open_given(str(folder), COLOR)
    assert given.name == "cifar10-c" and given.corruptions == ["gaussian_noise", "fog", "spatter"]
    assert [(part.corruption, part.severity) for part in given.parts[:6]] == [
        *(("gaussian_noise", at) for at in range(1, 6)), ("fog", 1),
    ]  # fmt: skip
    assert (pixels(given, 2) == IMAGES + np.uint8(12)).all() and given.images == 300 and given.labels.shape == (5, 20)
    assert open_given(str(folder / "spatter.npy"), COLOR).corruptions == ["spatter"]


def test_corruptions_with_wrong_labels_or_names_are_refused(folder):
    np.save(folder / "fgo.npy", IMAGES)
    assert "fgo.npy is not a corruption of CIFAR-10-C; did you mean fog?" in problem(folder)
    (folder / "fgo.npy").unlink()
    np.save(folder / "fog.npy", IMAGES)
    assert "fog.npy: 20 images, but labels.npy has 100 labels" in problem(folder)
    np.save(folder / "labels.npy", np.roll(np.tile(LABELS, 5), 1)[:99])
    assert "needs the labels of 5 severities" in problem(folder)
    np.save(folder / "labels.npy", RNG.integers(0, 10, 100))
    assert "the labels of the 5 severities differ" in problem(folder)
    hundred = ModelInput("cifar100", tuple(f"c{i}" for i in range(100)), 3, 32)
    np.save(folder / "labels.npy", np.tile(LABELS, 5))
    assert "no image of class 10 (c10) and 89 more: these labels are not those of cifar100" in problem(folder, hundred)


def picture(path: Path, size=32, mode="RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(IMAGES[0]).convert(mode).resize((size, size)).save(path)


def test_a_folder_of_pictures_is_checked_before_one_is_decoded(tmp_path):
    folder = tmp_path / "p"
    picture(folder / "cat" / "1.png")
    picture(folder / "Frog" / "2.jpg", mode="L")
    (folder / "cat" / ".hidden").touch()
    given = open_given(str(folder), COLOR)
    assert given.labels.tolist() == [3, 6] and pixels(given).shape == (2, 32, 32, 3)
    assert [file.role for file in given.files] == ["cat/1.png", "Frog/2.jpg"]
    picture(folder / "cat" / "3.png", 48)
    assert "3.png: 48 x 48 pixels, but the model takes 32 x 32" in problem(folder)
    (folder / "cat" / "3.png").write_bytes(b"GIF89a")
    assert "3.png: not a readable image" in problem(folder)
    (folder / "cat" / "3.png").unlink()
    picture(folder / "cat" / "4.png", mode="RGBA")
    assert "4.png: an image of mode RGBA, needs RGB or gray, 8 bits" in problem(folder)
    (folder / "cat" / "4.png").rename(folder / "cat" / "4.txt")
    assert "4.txt: not a .png, .jpg or .jpeg file" in problem(folder)
    (folder / "cat" / "4.txt").unlink()
    (folder / "lama").mkdir()
    assert "class 'lama' is not one of cifar10" in problem(folder)
    (folder / "readme.txt").touch()
    assert "'readme.txt' is not a folder of a class" in problem(folder)


class Evil:
    def __reduce__(self):
        return (Path("/tmp/cifar-tui-evil").touch, ())


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": IMAGES.astype(np.float32)}, "images are float32, needs uint8 (N, 32, 32, 3)"),
        ({"images": IMAGES[:, :28]}, "(N, 28, 32, 3), but the model takes 32 x 32 pixels"),
        ({"images": IMAGES[:0]}, "holds no images"),
        ({"pictures": IMAGES}, "no array of images under any of the names images, data, x_test, x; it holds pictures"),
        ({"images": IMAGES, "labels": LABELS[:9]}, "9 labels for 20 images"),
        ({"images": IMAGES, "labels": LABELS + 1}, "image 9 has the label 10, outside 0..9"),
        ({"images": IMAGES, "labels": LABELS - 1}, "image 0 has the label -1, outside 0..9"),
        ({"images": IMAGES, "labels": LABELS / 2}, "labels are float64 (20), needs one integer an image"),
        ({"images": np.array([Evil()])}, "holds Python objects, which are never unpickled"),
        ({"images": IMAGES, "labels": np.array([Evil()] * 20)}, "holds Python objects, which are never unpickled"),
    ],
)
def test_mistakes_in_arrays_are_one_line(tmp_path, arrays, message):
    np.savez(tmp_path / "x.npz", **arrays)
    assert message in problem(tmp_path / "x.npz")
    assert not Path("/tmp/cifar-tui-evil").exists()


def test_damaged_files_are_one_line(tmp_path):
    np.save(tmp_path / "a.npy", IMAGES)
    data = (tmp_path / "a.npy").read_bytes()
    for name, content in {"cut.npy": data[:9000], "empty.npy": b"", "text.npy": b"hello", "zip.npz": data}.items():
        (tmp_path / name).write_bytes(content)
        assert "not a readable" in problem(tmp_path / name)
    np.save(tmp_path / "object.npy", np.array([Evil()]))
    assert "never unpickled" in problem(tmp_path / "object.npy")
    np.savez(tmp_path / "fortran.npz", images=np.asfortranarray(IMAGES))
    assert "`images` is in Fortran order" in problem(tmp_path / "fortran.npz")
    with zipfile.ZipFile(tmp_path / "short.npz", "w") as archive:
        archive.writestr("images.npy", data[:9000])
    assert "`images` is cut off" in problem(tmp_path / "short.npz")
    np.savez(tmp_path / "b.npz", IMAGES)
    (tmp_path / "b.npz").rename(tmp_path / "b.npy")
    assert "it is a ZIP archive; call a .npz file by that name" in problem(tmp_path / "b.npy")


def test_other_mistakes_are_named(tmp_path):
    np.savez(tmp_path / "x.npz", images=IMAGES)
    assert "--name 'A B': needs lower-case letters" in problem(tmp_path / "x.npz", name="A B")
    assert "--labels goes with images in a .npy file" in problem(tmp_path / "x.npz", labels="y.npy")
    (tmp_path / "x.zip").touch()
    assert "needs a .npy or .npz file, or a folder" in problem(tmp_path / "x.zip")
    assert "no such file or folder" in problem(tmp_path / "y.npz")
    assert slug("../../Üben 1") == "ben-1" and slug("...") == "images"


def test_the_identity_of_files_does_not_depend_on_their_names(tmp_path):
    np.save(tmp_path / "a.npy", IMAGES)
    np.save(tmp_path / "l.npy", LABELS)
    one = open_given(str(tmp_path / "a.npy"), COLOR, labels=str(tmp_path / "l.npy"))
    rows = hashed(one)
    (tmp_path / "a.npy").rename(tmp_path / "b.npy")
    other = hashed(open_given(str(tmp_path / "b.npy"), COLOR, labels=str(tmp_path / "l.npy")))
    assert identity(rows) == identity(other[::-1]) and rows[0]["bytes"] == (tmp_path / "b.npy").stat().st_size
    np.save(tmp_path / "l.npy", LABELS[::-1])
    assert identity(rows) != identity(
        hashed(open_given(str(tmp_path / "b.npy"), COLOR, labels=str(tmp_path / "l.npy")))
    )


def npy(shape: str, descr: str = "'|u1'") -> bytes:
    """A .npy file whose header says so."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + IMAGES.tobytes()


@pytest.mark.parametrize("descr", ["'|u1'", "'|O'", "[('a', '|u1')]", "'|V0'", "'<U9999999999'"])
@pytest.mark.parametrize(
    "shape",
    ["(2**62, 32, 32, 3)", f"({2**63 - 1}, 32, 32, 3)", f"({10**30}, 9)", "(-1, 32, 32, 3)", "(1.5, 3)", "(", "()"],
)
def test_a_header_that_lies_is_one_line(tmp_path, shape, descr):
    (tmp_path / "x.npy").write_bytes(npy(shape, descr))
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("images.npy", npy(shape, descr))
    assert problem(tmp_path / "x.npy") and problem(tmp_path / "x.npz")


def test_changed_bytes_are_one_line_or_harmless(tmp_path):
    rng = np.random.default_rng(3)
    np.save(tmp_path / "a.npy", IMAGES)
    np.savez_compressed(tmp_path / "b.npz", images=IMAGES, labels=LABELS, classes=np.array(CIFAR10))
    refused = 0
    for path in (tmp_path / "a.npy", tmp_path / "b.npz"):
        whole = path.read_bytes()
        for _ in range(200):
            data = bytearray(whole)
            data[int(rng.integers(len(data) if rng.random() < 0.3 else 200))] = int(rng.integers(256))
            path.write_bytes(data)
            try:
                given = open_given(str(path), COLOR)
                assert pixels(given).shape == (20, 32, 32, 3)
            except BadInput:
                refused += 1
    assert refused > 50
