"""What `doctor` says about several GPUs in one run, on machines that are only described."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from typing import Any

import pytest

from engine.launch import peers
from engine.launch.devices import Gpu

CARDS = [Gpu(i, f"GPU-{i}", "Card", None, None) for i in range(3)]
LOST = Gpu(3, "", "", None, None, problem="GPU is lost")


def installed(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    def version(name: str) -> str:
        if name not in packages:
            raise PackageNotFoundError(name)
        return "2.27.3"

    monkeypatch.setattr(peers, "version", version)
    monkeypatch.setattr(peers.platform, "system", lambda: "Linux")


def test_the_library_and_the_number_of_usable_gpus_are_named(monkeypatch):
    installed(monkeypatch, "nvidia-nccl-cu12")
    assert peers.backend([*CARDS, LOST]) == "--gpus 2 to 3, by NCCL 2.27.3"
    assert peers.backend(CARDS[:1]) == "one process per run: one GPU is usable here"
    assert peers.backend([LOST]) == "one process per run: no GPU is usable here"
    installed(monkeypatch)
    assert "no package nvidia-nccl-cu13 here" in peers.backend(CARDS)
    monkeypatch.setattr(peers.platform, "system", lambda: "Darwin")
    assert "Mac" in peers.backend([])


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (lambda a, b: 0, "between all GPUs"),
        (lambda a, b: 4 * (b == 2), "not between 0 and 2, 1 and 2, which exchange through the memory of the host"),
        (lambda a, b: None, "unknown: the driver does not report it"),
    ],
)
def test_pairs_without_direct_access_are_named(monkeypatch, status, said):
    class Driver:
        def ask(self, function: str, *arguments: Any) -> Any:
            if function == "nvmlDeviceGetHandleByUUID":
                return int(arguments[0].removeprefix("GPU-"))
            return status(*arguments[:2])

        def close(self) -> None: ...

    monkeypatch.setattr(peers.nvml, "Driver", Driver)
    assert peers.peer_to_peer(CARDS) == said
