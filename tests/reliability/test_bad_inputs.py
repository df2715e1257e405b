"""The 55 bad inputs, by their numbers: what a run folder, a name, a file or a process table may hold, and what we do.

Each input is tried on a run as the product writes it. Whatever it is, every command that reads the run answers without
a traceback, the other run beside it is listed, and nothing outside the runs folder is read, written or signalled.
"""

import pickle

import pytest

from tests.reliability.bad_disks import disk_full, no_permission, read_only_disk, removed_while_open
from tests.reliability.bad_files import (
    Exploit,
    archives,
    checkpoint,
    cut,
    flip,
    forged_exit,
    other_recipe,
    presets,
    process_ids,
    signed,
    zip_bomb,
)
from tests.reliability.bad_folders import (
    clock_set_back,
    events,
    file_of,
    huge,
    link_loop,
    missing_keys,
    names,
    odd_steps,
    odd_times,
    run_is_a_link,
    run_json,
    same_id,
    special_files,
    twins,
    two_writers,
)
from tests.reliability.scene import Scene, Try

DEEP = b"[" * 100_000
CASES: dict[int, tuple[str, Try]] = {
    1: ("an empty run.json", file_of("run.json", b"", "bad_input")),
    2: ("JSON that is cut", file_of("run.json", lambda old: old[: len(old) // 2], "bad_input")),
    3: ("a run.json of 100 MB", huge),
    4: ("JSON nested 100,000 deep", file_of("run.json", b'{"id": ' + DEEP, "bad_input")),
    5: ("a key twice", file_of("run.json", lambda old: old.replace(b'"seed": 0', b'"seed": 1, "seed": 0'))),
    6: ("NaN and Infinity", file_of("run.json", lambda old: old.replace(b'"seed": 0', b'"seed": NaN'), "bad_input")),
    7: ("a number of 5,000 digits", file_of("run.json", lambda old: old.replace(b'"seed": 0', b'"seed": ' + b"9" * 5000), "bad_input")),
    8: ("a list for a table", file_of("run.json", b"[]", "bad_input")),
    9: ("keys that are missing", missing_keys),
    10: ("a newer schema", run_json(schema=99, colour="red")),
    11: ("bytes that are not UTF-8", file_of("run.json", lambda old: old.replace(b"quickstart", b"\xff\xfe"))),
    12: ("a byte order mark", file_of("run.json", lambda old: b"\xef\xbb\xbf" + old)),
    13: ("lone surrogates", run_json(preset="\ud800", changes="\udfff")),
    14: ("NUL in texts", run_json(preset="a\0b", command="\0", placement={"data_dir": "\0"})),
    15: ("half a row", events(lambda lines: [*lines, b'{"event": "epoch", "epo'], garbage=False)),
    16: ("garbage amid the rows", events(lambda lines: [*lines[:5], b"garbage\n", b"\xff\xfe\n", b"null\n", *lines[5:]])),
    17: ("10 MB without a newline", events(lambda lines: [*lines, b"x" * (10 << 20)])),
    18: ("steps that fall, repeat, are negative or 2**63", events(odd_steps)),
    19: ("times in the future and before 1970", events(odd_times)),
    20: ("folders, FIFOs, devices and links for files", special_files),
    21: ("a run folder that is a link", run_is_a_link),
    22: ("links in a circle", link_loop),
    23: ("files that may not be read", no_permission),
    24: ("a run removed while it is open", removed_while_open),
    25: ("a read-only disk", read_only_disk),
    26: ("a full disk in each write", disk_full),
    27: ("two writers", two_writers),
    28: ("the same id twice", same_id),
    29: ("a clock set back", clock_set_back),
    30: ("../../etc/x", names("../../etc/x")),
    31: ("an absolute path", names("/etc/x")),
    32: ("~root", names("~root")),
    33: ("slashes", names("a/b", "a\\b")),
    34: ("nothing, blanks", names("", "   ")),
    35: ("300 bytes", names("x" * 300)),
    36: ("what looks like a flag", names("-rf", "--help")),
    37: ("what a shell would run", names("$(id)", "`id`", "a;b", "a\nb", "a|b", "a&b")),
    38: ("names that Windows refuses", names("CON", "trailing.")),
    39: ("twins, reordering and invisible letters", twins),
    47: ("a pickle that acts", checkpoint(lambda folder: signed(folder, pickle.dumps(Exploit())))),
    48: ("a zip bomb", checkpoint(lambda folder: signed(folder, zip_bomb()))),
    49: ("a flipped bit", checkpoint(flip)),
    50: ("half a checkpoint", checkpoint(cut)),
    51: ("another recipe's checkpoint", other_recipe),
    52: ("presets with tags, aliases and impossible numbers", presets),
    53: ("archives with links, devices and ways out", archives),
    54: ("process ids that are not ours", process_ids),
    55: ("a forged exit, a beat from the future", forged_exit),
}  # fmt: skip
"""40 to 46, what steers a terminal, are in test_streams.py."""
LONG = {20, 23, 26, 47, 48, 49, 50, 51, 54}


@pytest.mark.parametrize(
    "number", [pytest.param(n, id=f"{n} {CASES[n][0]}", marks=[pytest.mark.slow] if n in LONG else []) for n in CASES]
)
def test_a_bad_input_is_taken_for_what_it_is(make_run, root, tmp_path, monkeypatch, number, count):
    count(1)
    monkeypatch.setenv("CIFAR_TUI_RUNS", str(root))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    CASES[number][1](Scene(make_run(), make_run(), root, scratch, monkeypatch))


def test_all_55_are_tried():
    from tests.reliability.test_streams import SEQUENCES

    assert {*CASES, *(number for number in SEQUENCES if isinstance(number, int))} == set(range(1, 56))
