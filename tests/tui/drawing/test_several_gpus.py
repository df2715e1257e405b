"""Several GPUs in the devices panel: a line each, or their sum and the least busy one."""

from dataclasses import replace

from tests.tui.drawing.cards import CARD, GB
from tests.tui.reading import fits, text_of
from tui.drawing.gpu_panel import gpu_panel
from tui.drawing.machine import GpuSample, Machine, places


def test_several_gpus_have_a_line_each():
    text = text_of(gpu_panel(Machine(gpus=(CARD, GpuSample(1, "x", 0.1, GB, 24 * GB))), 40, 6))
    assert "2 GPUs" in text and text.splitlines()[1].split()[0] == "0" and text.splitlines()[2].split()[0] == "1"


def test_each_of_up_to_three_gpus_shows_our_share_of_its_memory():
    cards = tuple(replace(CARD, index=i, memory_ours=(4 + i) * GB) for i in range(3))
    lines = text_of(gpu_panel(Machine(gpus=cards), 59, 6)).splitlines()
    assert [line.split("ours ")[1].split()[0] for line in lines[1:4]] == ["4", "5", "6"]


def test_more_than_three_gpus_are_summed_beside_the_least_busy_one_until_all_are_asked_for():
    cards = tuple(replace(CARD, index=i, utilization=0.5 + i / 10, memory_ours=4 * GB) for i in range(4))
    machine = Machine(gpus=cards)
    whole, worst, hint = text_of(gpu_panel(machine, 59, 8)).splitlines()[1:4]
    assert "65 %" in whole and "42/96 GB" in whole and "ours 16" in whole and whole.endswith("1648 W")
    assert worst.split()[0] == "0" and "50 %" in worst and worst.endswith("58 °C")
    assert hint == "GPU 0 is the least busy; d lists all"
    each = text_of(gpu_panel(machine, 59, 8, every=True)).splitlines()[1:5]
    assert [line.split()[0] for line in each] == ["0", "1", "2", "3"]


def test_the_gpus_of_several_nodes_are_named_by_their_hosts():
    cards = tuple(replace(CARD, index=i, node=node, host=f"gpu-a100-{7 + node:02}") for node in (0, 1) for i in (0, 1))
    each = text_of(gpu_panel(Machine(gpus=cards), 59, 8, every=True)).splitlines()
    assert each[0].startswith("━ 4 GPUs on 2 nodes RTX 4090 ─")
    assert [line.split()[0] for line in each[1:5]] == [f"gpu-a100-{host}:{i}" for host in ("07", "08") for i in (0, 1)]
    idle = (*cards[:3], replace(cards[3], utilization=0.2))
    assert text_of(gpu_panel(Machine(gpus=idle), 59, 8)).splitlines()[3] == (
        "GPU gpu-a100-08:1 is the least busy; d lists all"
    )


def test_where_there_is_no_room_for_hosts_the_nodes_have_numbers():
    cards = tuple(replace(CARD, index=i, node=node, host="gpu-a100-07") for node in (0, 1) for i in (0, 1))
    each = text_of(gpu_panel(Machine(gpus=cards), 29, 8, every=True)).splitlines()
    assert [line.split()[0] for line in each[1:5]] == ["0:0", "0:1", "1:0", "1:1"]
    assert "GPU 0:0 least busy; d: all" in text_of(gpu_panel(Machine(gpus=cards), 29, 8))
    assert places([replace(card, host="") for card in cards]) == ["0:0", "0:1", "1:0", "1:1"], "hosts were removed"
    long = tuple(replace(card, host="a-host-of-a-name-without-end") for card in cards)
    for width in (20, 29, 42, 59):
        assert fits(gpu_panel(Machine(gpus=long), width, 8), width, 8)


def test_a_narrow_panel_drops_whole_parts_and_counts_the_gpus_for_which_it_has_no_line():
    eight = Machine(gpus=tuple(replace(CARD, index=i, memory_total=80 * GB) for i in range(8)), sampled=True)
    for every in (False, True):
        lines = gpu_panel(eight, 29, 5, every=every)
        assert "…" not in text_of(lines) and fits(lines, 29, 5)
    assert text_of(lines).splitlines()[-1].strip() == "and 5 more"
    assert "and" not in text_of(gpu_panel(eight, 29, 9, every=True))
