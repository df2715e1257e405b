"""Samples of the devices as plain values: each GPU, and the host."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from engine.analysis.rows import card_of, gpu_figure
from engine.contract.text import one_line

HOST_CELLS: Final = 12
"""How many characters of a host's name are shown, from its end, which tells the nodes of a cluster apart."""


@dataclass(frozen=True, slots=True)
class GpuSample:
    """A sample of one GPU. Sizes in bytes, power in watts, temperature in °C, utilization 0..1; NaN if unknown."""

    index: int = 0
    name: str = ""
    utilization: float = math.nan
    memory_used: float = math.nan
    memory_total: float = math.nan
    memory_ours: float = math.nan
    others: tuple[tuple[str, str, float], ...] = ()
    """(user, program, bytes) of other processes, largest first."""
    power: float = math.nan
    power_limit: float = math.nan
    temperature: float = math.nan
    memory_others: float = math.nan
    """Everything that is not ours: other processes, including those the driver hides, and the driver's own share."""
    node: int = 0
    """The number of its node among those of the run."""
    host: str = ""
    """The name of that node; "" in older files."""

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> GpuSample:
        """From a GPU's table in a `system` event. A value that is missing or of the wrong type counts as unknown."""

        def figure(name: str) -> float:
            return gpu_figure(table, name)

        found = table.get("others")
        others = [
            (one_line(str(other.get("user", "?"))), one_line(str(other.get("name", "?"))), size)
            for other in (found if isinstance(found, list) else [])
            if isinstance(other, dict) and not math.isnan(size := gpu_figure({"bytes": 0, **other}, "bytes"))
        ]
        node, index = card_of(table) or (0, 0)
        return cls(
            node=node,
            host=one_line(str(table.get("host", ""))),
            index=index,
            name=one_line(str(table.get("name", ""))),
            utilization=figure("utilization"),
            memory_used=figure("memory_used"),
            memory_total=figure("memory_total"),
            memory_ours=figure("memory_ours"),
            memory_others=figure("memory_others"),
            others=tuple(sorted(others, key=lambda other: -other[2])),
            power=figure("power"),
            power_limit=figure("power_limit"),
            temperature=figure("temperature"),
        )

    @property
    def short_name(self) -> str:
        """The name without the words that most GPUs share."""
        return " ".join(word for word in self.name.split() if word not in ("NVIDIA", "GeForce"))


def places(gpus: Sequence[GpuSample], *, hosts: bool = True) -> list[str]:
    """Where each GPU is: its index, after the host or number of its node if the run is on several nodes ("n2:0").

    Args:
        hosts: the end of a host's name rather than a number, where it is known and tells the nodes apart.
    """
    if len({gpu.node for gpu in gpus}) < 2:
        return [str(gpu.index) for gpu in gpus]
    by_node = {gpu.node: gpu.host[-HOST_CELLS:] for gpu in gpus}
    hosts = hosts and len(set(by_node.values())) == len(by_node)
    return [f"{(hosts and gpu.host[-HOST_CELLS:]) or gpu.node}:{gpu.index}" for gpu in gpus]


@dataclass(frozen=True, slots=True)
class Machine:
    """The devices of the run and its host, as the panel shows them."""

    sampled: bool = True
    """Whether there is a sample yet."""
    gpus: tuple[GpuSample, ...] = ()
    """The run's own GPU first."""
    note: str = ""
    """Why there is no GPU, or which GPU does not answer."""
    cpu: float = math.nan
    ram_used: float = math.nan
    ram_total: float = math.nan
    ram_ours: float = math.nan
    disk_free: float = math.nan
    device: str = ""
    """The device that the run computes on: "AMD EPYC, 2 threads"."""
    peak_ours: float = math.nan
    """The most GPU memory that the run held in any sample, bytes."""
    busy: tuple[float, ...] = ()
    """Utilization over the last ten minutes, 0..1, of the GPU or, without one, of the CPU."""
    step_ms: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds of each part of a training step, as last measured; empty if it never was."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Seconds of the last epoch by phase."""
