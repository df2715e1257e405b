"""Archives that nobody should trust: each is refused by one line that says why, and nothing is written."""

import tarfile

import pytest
import zstandard

from engine.contract.errors import BadInput
from engine.exchange.pack import read
from engine.exchange.pack.manifest import read_manifest
from engine.exchange.pack.unpack import examine
from tests.engine.exchange.pack.conftest import RUN_ID, as_tar, compressed, manifest_of


def kind(name: str, of: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = of, target
    return member


EVIL = {
    "dots": (f"{RUN_ID}/../../x.json", "leads out of the run folder"),
    "dots at the start": ("../x", "leads out of the run folder"),
    "backslashes": (f"{RUN_ID}\\..\\x", "leads out of the run folder"),
    "absolute": ("/etc/cron.d/x", "is an absolute path"),
    "home": ("~/x", "is an absolute path"),
    "drive": ("C:/x", "is an absolute path"),
    "other file": (f"{RUN_ID}/lock", "is not a file of a run"),
    "no run": ("x/run.json", "is not a file of a run"),
    "hidden part": (f"{RUN_ID}/parts/.x.py", "is not a file of a run"),
    "deep part": (f"{RUN_ID}/parts/a/x.py", "is not a file of a run"),
    "escape": (f"{RUN_ID}/parts/\x1b[2J.py", "is not a file of a run"),
}


def refused(tmp_path, data: bytes) -> str:
    """What is said of an archive; nothing is written."""
    (tmp_path / "a.tar.zst").write_bytes(data)
    with pytest.raises(BadInput) as raised:
        examine(tmp_path / "a.tar.zst", tmp_path / "runs")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.zst"]
    assert len(raised.value.problems) == 1 and "\n" not in str(raised.value) and "\x1b" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(("name", "why"), EVIL.values(), ids=EVIL)
def test_a_path_that_leads_elsewhere_is_refused_in_the_manifest_and_among_the_members(files, tmp_path, name, why):
    evil = [*files, (name, b"x")]
    assert why in refused(tmp_path, compressed(as_tar([("manifest.json", manifest_of(evil)), *evil])))
    assert why in refused(tmp_path, compressed(as_tar([("manifest.json", manifest_of(files)), *evil])))


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (tarfile.SYMTYPE, "a symbolic link"), (tarfile.LNKTYPE, "a hard link"), (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"), (tarfile.FIFOTYPE, "a FIFO"), (tarfile.DIRTYPE, "a folder"),
        (tarfile.GNUTYPE_SPARSE, "a sparse file"), (tarfile.GNUTYPE_LONGNAME, "not a plain file"),
        (tarfile.XHDTYPE, "not a plain file"),
    ],
)  # fmt: skip
def test_a_member_that_is_no_plain_file_is_refused(files, tmp_path, of, why):
    name = files[1][0]
    members = [("manifest.json", manifest_of(files)), files[0], (kind(name, of, "/etc/passwd"), b""), *files[2:]]
    assert f"{name!r} is {why}" in refused(tmp_path, compressed(as_tar(members)))


def test_duplicates_surplus_and_missing_members_are_refused(files, tmp_path):
    head = ("manifest.json", manifest_of(files))
    again = ("manifest.json", manifest_of([*files, files[0]]))
    assert "occurs twice" in refused(tmp_path, compressed(as_tar([again, *files, files[0]])))
    assert "occurs twice" in refused(tmp_path, compressed(as_tar([head, files[0], files[0], *files[1:]])))
    assert "run.json" in refused(tmp_path, compressed(as_tar([head, *files, files[0]])))
    assert "not listed in its manifest" in refused(
        tmp_path, compressed(as_tar([head, *files, (f"{RUN_ID}/log.txt", b"x")]))
    )
    assert "it ends before" in refused(tmp_path, compressed(as_tar([head, *files[:2]])))
    other_case = ("manifest.json", manifest_of([*files, (f"{RUN_ID}/parts/a.py", b""), (f"{RUN_ID}/parts/A.py", b"")]))
    assert "occurs twice" in refused(tmp_path, compressed(as_tar([other_case])))
    assert "has no run.json" in refused(tmp_path, compressed(as_tar([("manifest.json", manifest_of(files[1:]))])))


def test_other_contents_than_the_manifest_lists_are_refused(files, tmp_path):
    head = ("manifest.json", manifest_of(files))
    name, data = files[2]
    changed = data.replace(b"0.5", b"0.9", 1)
    assert "SHA-256" in refused(tmp_path, compressed(as_tar([head, *files[:2], (name, changed)])))
    assert "in its manifest" in refused(tmp_path, compressed(as_tar([head, *files[:2], (name, data + b"\n")])))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_or_damaged_archive_is_refused(files, tmp_path, share):
    whole = zstandard.ZstdCompressor(write_checksum=True).compress(
        as_tar([("manifest.json", manifest_of(files)), *files])
    )
    cut = int(len(whole) * share)
    assert "a.tar.zst" in refused(tmp_path, whole[:cut])
    flipped = whole[:cut] + bytes([whole[cut] ^ 0x40]) + whole[cut + 1 :]
    assert "a.tar.zst" in refused(tmp_path, flipped)


def test_what_is_no_archive_of_ours_is_refused(files, tmp_path):
    plain = as_tar(files)
    assert "not a packed run" in refused(tmp_path, plain)
    assert "not a packed run" in refused(tmp_path, b"")
    assert "not a packed run" in refused(tmp_path, b"<html>not found</html>")
    assert "does not begin with a manifest.json" in refused(tmp_path, compressed(plain))
    assert "no valid header" in refused(tmp_path, compressed(b"x" * 2000))
    assert "ends in the middle" in refused(tmp_path, compressed(b""))
    assert "after its end" in refused(
        tmp_path, compressed(as_tar([("manifest.json", manifest_of(files)), *files]) + b"x" * 30_000)
    )


def test_a_later_layout_and_nonsense_in_the_manifest_are_refused(files, tmp_path):
    for table, why in (
        (manifest_of(files, version=2), "later version"),
        (manifest_of(files, format="zip"), "not that of a packed run"),
        (manifest_of(files, files=[{"path": f"{RUN_ID}/run.json", "bytes": -1, "sha256": "0" * 64}]), "damaged"),
        (manifest_of(files, files=[[]]), "damaged"),
        (manifest_of(files, files=None), "damaged"),
        (b"{" * 100_000, "damaged"),
    ):
        with pytest.raises(BadInput, match=why):
            read_manifest(table)
        assert why in refused(tmp_path, compressed(as_tar([("manifest.json", table), *files])))


def test_a_bomb_is_refused_before_it_is_unpacked(files, tmp_path, monkeypatch):
    zeros = [*files, (f"{RUN_ID}/log.txt", bytes(50_000_000))]
    monkeypatch.setattr(read, "ALWAYS", 1_000_000)
    taken = []
    monkeypatch.setattr(read._Stream, "member", counting(read._Stream.member, taken))
    assert "would unpack to 50 MB" in refused(
        tmp_path, compressed(as_tar([("manifest.json", manifest_of(zeros)), *zeros]))
    )
    assert sum(taken) < 10_000, "only the manifest was read"


def counting(member, taken: list[int]):
    def count(self, size: int):
        taken.append(size)
        return member(self, size)

    return count


def test_a_manifest_of_gigabytes_is_not_read(files, tmp_path):
    header = tarfile.TarInfo("manifest.json")
    header.size = 5 << 30
    assert "does not begin with a manifest.json" in refused(tmp_path, compressed(header.tobuf(tarfile.USTAR_FORMAT)))
