"""What the devices are doing: the whole card and our part of it, others by name, and the host."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.analysis.rows import gpu_figure
from engine.contract.text import one_line
from tui.drawing.format import NONE, bar, gigabytes, percent, spark
from tui.drawing.lines import Line, clip, fit, heading

UNNAMED = 0.05 * 2**30
"""From here memory that no listed process holds is worth a word."""
HOT_CELSIUS, FULL_MEMORY, LOW_DISK = 84.0, 0.95, 5 * 2**30
"""From here a figure is drawn as a warning: near throttling, near out of memory, near a full disk."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """A sample of one card. Sizes in bytes, power in watts, utilization 0..1; NaN where the driver is silent."""

    index: int = 0
    name: str = ""
    utilization: float = math.nan
    memory_used: float = math.nan
    memory_total: float = math.nan
    memory_ours: float = math.nan
    others: tuple[tuple[str, str, float], ...] = ()
    """(user, program, bytes) of other processes, the largest first."""
    power: float = math.nan
    power_limit: float = math.nan
    temperature: float = math.nan
    memory_others: float = math.nan
    """All that is not ours: other processes, also those that the driver hides, and what the driver keeps for itself."""

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Gpu:
        """From a GPU's table in a `system` event; what is missing or of a wrong type counts as not measured."""

        def figure(name: str) -> float:
            return gpu_figure(table, name)

        found = table.get("others")
        others = [
            (one_line(str(other.get("user", "?"))), one_line(str(other.get("name", "?"))), size)
            for other in (found if isinstance(found, list) else [])
            if isinstance(other, dict) and not math.isnan(size := gpu_figure({"bytes": 0, **other}, "bytes"))
        ]
        index = table.get("index")
        return cls(
            index=index if isinstance(index, int) else 0,
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
        """The name without the words that every card carries."""
        return " ".join(word for word in self.name.split() if word not in ("NVIDIA", "GeForce"))


@dataclass(frozen=True, slots=True)
class Machine:
    """Everything the panel shows."""

    sampled: bool = True
    """Whether there is any sample yet."""
    gpus: tuple[Gpu, ...] = ()
    """The run's own card first."""
    note: str = ""
    """Why there is no GPU, or which of several does not answer."""
    cpu: float = math.nan
    ram_used: float = math.nan
    ram_total: float = math.nan
    ram_ours: float = math.nan
    disk_free: float = math.nan
    device: str = ""
    """What the run computes on, in words: "AMD EPYC, 2 threads"."""
    peak_ours: float = math.nan
    """The most of the card's memory that the run has had in any sample."""
    busy: tuple[float, ...] = ()
    """Use over the last ten minutes, 0..1, of the card or, without one, of the CPU."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Where the last epoch's time went."""


def gpu_panel(machine: Machine, footnote: str, width: int, height: int) -> list[Line]:
    """The panel in `height` lines; what does not fit drops from below, a `footnote` first of all."""
    wide = width >= 50
    if not machine.sampled:
        soon = clip([(f"{' ' if wide else ''}comes with the first sample", "dim")], width)
        return [heading("devices", width), soon][:height]
    lines = _cards(machine, width, wide) if machine.gpus else _no_card(machine, width, wide)
    if wide:
        lines += _wide_tail(machine, width)
    if footnote and len(lines) < height:
        lines.append([(f"{' ' if wide else ''}{footnote}", "dim")])
    return [clip(line, width) for line in lines[:height]]


def _cards(machine: Machine, width: int, wide: bool) -> list[Line]:
    first = machine.gpus[0]
    heat = _heat(first)
    if len(machine.gpus) > 1:
        return [
            heading(f"{len(machine.gpus)} GPUs {first.short_name}", width),
            *_table(machine.gpus, width),
            *_silent(machine, wide),
            *_host(machine),
        ]
    power = f"{_whole(first.power)} W / {_whole(first.power_limit)}" if not math.isnan(first.power) else ""
    rights = [f"{heat}   {power}", heat] if wide and power else [heat]
    bar_width = width - (22 if wide else 13)
    share = first.memory_used / first.memory_total if first.memory_total else math.nan
    full = share >= FULL_MEMORY
    digits = 1 if wide else 0
    used = f"{gigabytes(first.memory_used, digits)}/{gigabytes(first.memory_total)} GB"
    if math.isnan(first.memory_used):
        used = "unknown"
    pad = " " if wide else ""
    lines: list[Line] = [
        heading(f"GPU {first.index} {first.short_name}", width, rights, ""),
        [(f"{pad}use ", "dim"), (bar(first.utilization, bar_width), "bar"), (_share(first.utilization), "strong")],
        [
            (f"{pad}mem ", "dim"),
            (bar(share, bar_width), "hot" if full else "bar"),
            (f"{used:>9}", "warn" if full else "strong"),
        ],
    ]
    rest = _silent(machine, wide) + ([] if wide else _host(machine))
    return [*lines, *_owners(machine, first, width, wide), *rest]


def _silent(machine: Machine, wide: bool) -> list[Line]:
    """Which of the run's cards does not answer any more."""
    return [[(f"{' ' if wide else ''}{one_line(machine.note)}", "bad")]] if machine.note else []


def _owners(machine: Machine, gpu: Gpu, width: int, wide: bool) -> list[Line]:
    """Whose memory it is: shared boxes are the normal case."""
    if wide:
        ours = f"      ours {gigabytes(gpu.memory_ours, 1)} GB"
        if not math.isnan(machine.peak_ours):
            ours += f" (peak {gigabytes(machine.peak_ours, 1)})"
        total = sum(size for _, _, size in gpu.others)
        who = ", ".join(f"{user}, {program}" for user, program, _ in gpu.others[:2])
        others = f"   others {gigabytes(total, 1)} GB: {who}" if gpu.others else _unnamed(gpu)
        return [clip([(ours, ""), (others, "warn" if gpu.others else "dim")], width)]
    line: Line = [(f"    ours {gigabytes(gpu.memory_ours, 1)}", "")]
    for user, program, size in gpu.others[:1]:
        line.append((f" · {user} {gigabytes(size, 1)} {program}", "warn"))
    return [clip(line, width)]


def _unnamed(gpu: Gpu) -> str:
    """Memory that no listed process holds: in a container, where the driver lists none, it may be another user's."""
    if gpu.memory_others < UNNAMED:
        return "   no one else"
    return "" if math.isnan(gpu.memory_others) else f"   {gigabytes(gpu.memory_others, 1)} GB driver or others"


def _table(gpus: Sequence[Gpu], width: int) -> list[Line]:
    """A line for each card: index, use, memory, heat."""
    bar_width = max(width - 28, 4)
    return [
        [
            (f"{gpu.index:>2} ", ""),
            (bar(gpu.utilization, bar_width), "bar"),
            (_share(gpu.utilization), "strong"),
            (f"{gigabytes(gpu.memory_used):>5}/{gigabytes(gpu.memory_total)} GB", ""),
            (f"{_heat(gpu):>7}", "dim"),
        ]
        for gpu in gpus
    ]


def _no_card(machine: Machine, width: int, wide: bool) -> list[Line]:
    """CPU and memory take the panel where there is no card to show."""
    title = heading("no GPU" if not machine.device else f"no GPU · {machine.device}", width)
    bar_width = width - (22 if wide else 13)
    pad = " " if wide else ""
    share = machine.ram_used / machine.ram_total if machine.ram_total else math.nan
    used = f"{gigabytes(machine.ram_used)}/{gigabytes(machine.ram_total)} GB"
    lines: list[Line] = [
        title,
        [(f"{pad}cpu ", "dim"), (bar(machine.cpu, bar_width), "bar"), (_share(machine.cpu), "strong")],
        [(f"{pad}ram ", "dim"), (bar(share, bar_width), "bar"), (f"{used:>9}", "strong")],
    ]
    if not math.isnan(machine.ram_ours):
        lines.append([(f"{pad}    ours {gigabytes(machine.ram_ours, 1)} GB", "")])
    if not wide:
        lines.append([_disk(machine)])
    if machine.note:
        lines.append([(pad + fit(one_line(machine.note), width - len(pad)).rstrip(), "dim")])
    return lines


def _wide_tail(machine: Machine, width: int) -> list[Line]:
    """History of use, where the epoch's time goes, and the host."""
    lines: list[Line] = []
    if machine.busy:
        lines.append([(" last 10 min  ", "dim"), (spark(machine.busy, width - 15), "bar")])
    total = sum(second for second in machine.seconds.values() if second > 0)
    if total > 0:
        shares = {one_line(name): second / total for name, second in machine.seconds.items()}
        parts = [f"{name} {percent(share, 0)} %" for name, share in shares.items() if share >= 0.005]
        lines.append([(" epoch  ", "dim"), ("  ".join(parts), "")])
    if machine.gpus and len(machine.gpus) == 1:
        host: Line = [(" host   ", "dim"), (f"cpu {_share(machine.cpu).strip()}   ", "")]
        host.append((f"ram {gigabytes(machine.ram_used)}/{gigabytes(machine.ram_total)} GB   ", ""))
        lines.append([*host, _disk(machine)])
    elif not machine.gpus:
        lines.append([(" host   ", "dim"), _disk(machine)])
    return lines


def _host(machine: Machine) -> list[Line]:
    """The host in one short line, with the power of the card."""
    line: Line = [
        (f"cpu {_share(machine.cpu).strip()}", ""),
        (f"  ram {gigabytes(machine.ram_used)}/{gigabytes(machine.ram_total)}", ""),
    ]
    power = sum(gpu.power for gpu in machine.gpus if not math.isnan(gpu.power))
    if power:
        line.append((f"  {_whole(power)} W", ""))
    return [line]


def _disk(machine: Machine) -> tuple[str, str]:
    low = machine.disk_free < LOW_DISK
    return f"disk {gigabytes(machine.disk_free)} GB free", "warn" if low else ""


def _heat(gpu: Gpu) -> str:
    return "" if math.isnan(gpu.temperature) else f"{gpu.temperature:.0f} °C"


def _share(fraction: float) -> str:
    return f"{NONE if math.isnan(fraction) else percent(fraction, 0):>4} %"


def _whole(value: float) -> str:
    return NONE if math.isnan(value) else f"{value:.0f}"
