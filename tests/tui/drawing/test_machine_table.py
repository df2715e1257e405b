"""The panel of the devices prints the cells of their table, whatever the machine is like."""

from dataclasses import replace

import pytest

from tests.tui.in_json import figures_without_source
from tests.tui.reading import text_of
from tui.drawing.export_charts import table_data
from tui.drawing.gpu_panel import gpu_panel, use_and_memory
from tui.drawing.machine import GpuSample, Machine, places
from tui.drawing.machine_table import devices_table
from tui.drawing.typeset import by_label

GB = 2**30
OTHERS = (("u17", "python", 6 * GB), ("u17", "python", 2.2 * GB))
CARD = GpuSample(0, "NVIDIA GeForce RTX 4090", 0.93, 10.64 * GB, 24 * GB, 4.61 * GB, OTHERS, 412.4, 450, 58)
HOST = Machine(cpu=0.12, ram_used=14.3 * GB, ram_total=128 * GB, ram_ours=3.2 * GB, disk_free=212.4 * GB, busy=(0.5,))
MACHINES = {
    "one": replace(HOST, gpus=(CARD,), peak_ours=4.93 * GB, seconds={"train": 9.5, "evaluate": 0.5}),
    "hidden": replace(HOST, gpus=(replace(CARD, others=(), memory_others=0.62 * GB),)),
    "two": replace(HOST, gpus=(CARD, replace(CARD, index=1, memory_used=11.7 * GB, temperature=61))),
    "eight": replace(HOST, gpus=tuple(replace(CARD, index=i, utilization=0.9 - i / 50) for i in range(8))),
    "nodes": replace(HOST, gpus=tuple(replace(CARD, index=i % 2, node=i // 2, host=f"n{i // 2}") for i in range(4))),
    "cpu": replace(HOST, device="AMD EPYC, 2 threads", step_ms={"data": 4.0, "forward": 31.0, "backward": 65.0}),
    "unknown": Machine(gpus=(GpuSample(),)),
}


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("width", [29, 44, 59, 90])
@pytest.mark.parametrize("name", MACHINES)
def test_every_figure_of_the_panel_is_a_cell(name, width, every):
    machine = MACHINES[name]
    lines = [*gpu_panel(machine, width, 14, every=every), *use_and_memory(machine, width)]
    known = table_data(devices_table(machine))
    counts = f"{len(machine.gpus)} GPUs on {len({gpu.node for gpu in machine.gpus})} nodes"
    numbered = " ".join(places(machine.gpus, hosts=False))
    text = text_of(lines).replace("10 min", "")
    assert figures_without_source(text, known, counts, numbered) == [], text


def test_of_two_processes_with_one_name_the_larger_one_is_named():
    assert "u17 6.0 GB" in text_of(gpu_panel(MACHINES["one"], 29, 8))
    assert by_label(devices_table(MACHINES["one"]))["GPU 0, memory of other processes, GB"] == "8.2"


def test_hosts_whose_names_end_alike_are_told_apart_by_the_numbers_of_their_nodes():
    gpus = [replace(CARD, node=node, host=f"{letter}-with-a-long-end") for node, letter in enumerate("ab")]
    assert places(gpus) == ["0:0", "1:0"]
