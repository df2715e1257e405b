"""What the CIFAR archives are, byte for byte.

The MD5 sums are those of the authors' page (cs.toronto.edu/~kriz/cifar.html) and of torchvision. MD5 alone can be
forged, so every byte is also held to its SHA-256 before anything is unpickled: those of the archives are the ones that
Keras and MLDatasets pin, those of the CIFAR-10 batches were taken from files with the right MD5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

IMAGE_BYTES: Final = 3 * 32 * 32


@dataclass(frozen=True, slots=True)
class Archive:
    """A file known by its content. `size` is in bytes."""

    name: str
    size: int
    md5: str
    sha256: str


@dataclass(frozen=True, slots=True)
class BinaryLayout:
    """How the binary archive is cut: `label_bytes` labels (the last counts) and 3,072 RGB bytes, plane by plane."""

    train: tuple[str, ...]
    test: tuple[str, ...]
    names: str
    label_bytes: int


@dataclass(frozen=True, slots=True)
class Source:
    """One data set: its two archives and the folder that the Python one unpacks to, with the SHA-256 of each file."""

    name: str
    title: str
    classes: int
    train_images: int
    test_images: int
    folder: str
    members: dict[str, str]
    python: Archive
    binary: Archive
    layout: BinaryLayout


SOURCES: Final[dict[str, Source]] = {
    "cifar10": Source(
        name="cifar10",
        title="CIFAR-10",
        classes=10,
        train_images=50_000,
        test_images=10_000,
        folder="cifar-10-batches-py",
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
    "cifar100": Source(
        name="cifar100",
        title="CIFAR-100",
        classes=100,
        train_images=50_000,
        test_images=10_000,
        folder="cifar-100-python",
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
}
