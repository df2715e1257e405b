"""Downloads from a web server on this machine that is slow, broken or lying."""

import base64
import fcntl
import os
import threading
from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import pytest

from engine.data import download
from engine.data import fetch as fetching
from engine.data.archives import DataError
from engine.data.fetch import DownloadLimits, fetch, reachable, require

HASTY = DownloadLimits(timeout=0.3, window=0.3, slowest=4_000, rounds=1)


@pytest.fixture
def get(tiny, tmp_path):
    """Fetch the tiny data set from mirrors into tmp_path, with little patience."""

    def run(*mirrors, **options):
        return fetch("cifar10", tmp_path, mirrors=[mirror.url for mirror in mirrors], **{"patience": HASTY} | options)

    return run


def test_an_archive_arrives_whole_where_torchvision_expects_it(get, serve, tiny, tmp_path):
    location = get(serve(body=tiny.python))
    assert (location.kind, location.path) == ("python_archive", tmp_path / "cifar-10-python.tar.gz")
    assert location.path.read_bytes() == tiny.python
    assert list(tmp_path.iterdir()) == [location.path]


def test_a_password_in_an_address_reaches_the_mirror_and_nobody_else(serve, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "time", SimpleNamespace(monotonic=count().__next__))  # so that much is said
    other = serve(body=tiny.python)
    mirror = serve(redirect=other.url)
    address = mirror.url.replace("//", "//ada:s%3Acret%40@")
    said = []
    options = {"mirrors": [address], "patience": HASTY, "progress": lambda done, total, what: said.append(what)}
    assert fetch("cifar10", tmp_path, **options).kind == "python_archive"
    assert base64.b64decode(mirror.credentials[0].removeprefix("Basic ")) == b"ada:s:cret@"
    assert other.credentials == [""]  # a redirect takes the bytes elsewhere, and not the password
    assert reachable([address], timeout=10) and mirror.credentials[0] == mirror.credentials[-1]
    assert f"from 127.0.0.1:{mirror.port}" in said and not [what for what in said if "ada" in what or "cret" in what]


@pytest.mark.parametrize(
    "behaviour",
    [
        {"status": 403},
        {"body": b"\x1fnot it"},
        {"redirect": "gopher://ada:s3cret@elsewhere.example/x?key=s3cret"},
        {"redirect": "http://ada:s3cret@nowhere.invalid/"},
        {"redirect": "http://nowhere.invalid:s3cret/"},
    ],
)
def test_no_failure_prints_a_password(serve, tmp_path, tiny, behaviour):
    mirror = serve(**behaviour)
    for address in (
        mirror.url.replace("//", "//ada:s3cret@"),
        f"{mirror.url}?key=s3cret",
        f"http://ada:s3cret@127.0.0.1:1/{mirror.port}",
        "http://ada:s3cret@a..b.invalid/",
    ):
        with pytest.raises(DataError) as caught:
            fetch("cifar10", tmp_path, mirrors=[address], patience=HASTY)
        assert "no mirror served" in str(caught.value)
        assert "s3cret" not in str(caught.value) and "ada" not in str(caught.value)


def test_what_is_there_already_is_not_asked_for(get, serve, tiny, tmp_path):
    mirror = serve(body=tiny.python)
    get(mirror)
    assert get(mirror).kind == "python_archive"
    assert len(mirror.asked) == 1


def test_a_broken_download_goes_on_where_it_stopped(get, serve, tiny, tmp_path):
    part = tmp_path / "cifar-10-python.tar.gz.part"
    with pytest.raises(DataError, match="ended after 5,000 of"):
        get(serve(body=tiny.python, cut=5000))
    assert part.read_bytes() == tiny.python[:5000]
    mirror = serve(body=tiny.python)
    assert get(mirror).path.read_bytes() == tiny.python
    assert mirror.asked == ["bytes=5000-"] and not part.exists()


def test_the_next_mirror_continues_what_one_began(get, serve, tiny):
    broken, whole = serve(body=tiny.python, cut=7000), serve(body=tiny.python)
    assert get(broken, whole).path.read_bytes() == tiny.python
    assert whole.asked == ["bytes=7000-"]


def test_a_mirror_without_ranges_starts_over(get, serve, tiny):
    broken, whole = serve(body=tiny.python, cut=7000), serve(body=tiny.python, ranges=False)
    assert get(broken, whole).path.read_bytes() == tiny.python


def test_a_part_longer_than_the_archive_is_thrown_away(get, serve, tiny, tmp_path):
    (tmp_path / "cifar-10-python.tar.gz.part").write_bytes(bytes(len(tiny.python) + 1))
    mirror = serve(body=tiny.python)
    assert get(mirror).path.read_bytes() == tiny.python
    assert mirror.asked == [""]


@pytest.mark.parametrize("announce", [True, False])
def test_a_log_in_page_does_not_cost_what_had_come_before(get, serve, tiny, tmp_path, announce):
    part = tmp_path / "cifar-10-python.tar.gz.part"
    part.write_bytes(tiny.python[:5000])
    with pytest.raises(DataError, match="text/html"):
        get(serve(body=b"<html>please log in</html>", content_type="text/html", ranges=False, announce=announce))
    assert part.read_bytes() == tiny.python[:5000]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"body": b"<html>please log in</html>", "content_type": "text/html"}, "26 bytes of text/html"),
        ({"body": b"<html>please log in</html>", "announce": False}, "not a gzip archive"),
        ({"body": b"gone", "status": 404}, "HTTP 404"),
        ({"body": b"", "announce": False}, "ended after 0"),
    ],
    ids=["web page", "web page of unknown length", "not found", "nothing"],
)
def test_an_answer_that_is_not_the_archive_leaves_nothing_behind(get, serve, tiny, tmp_path, answer, why):
    with pytest.raises(DataError, match=why):
        get(serve(**answer))
    assert list(tmp_path.iterdir()) == []
    assert get(serve(**answer), serve(body=tiny.python)).kind == "python_archive"


def test_an_archive_with_the_wrong_checksum_is_never_kept(get, serve, tiny, tmp_path):
    wrong = bytearray(tiny.python)
    wrong[-20] ^= 1
    with pytest.raises(DataError, match="wrong SHA-256"):
        get(serve(body=bytes(wrong)))
    assert not (tmp_path / "cifar-10-python.tar.gz").exists()
    assert get(serve(body=bytes(wrong)), serve(body=tiny.python)).path.read_bytes() == tiny.python


def test_a_poisoned_beginning_costs_one_round_and_is_then_forgotten(get, serve, tiny, tmp_path):
    (tmp_path / "cifar-10-python.tar.gz.part").write_bytes(b"\x1f\x8b" + bytes(4998))
    mirror = serve(body=tiny.python)
    assert get(mirror, patience=replace(HASTY, rounds=2)).path.read_bytes() == tiny.python
    assert mirror.asked == ["bytes=5000-", ""]


def test_a_silent_mirror_is_left_for_the_next(get, serve, tiny):
    assert get(serve(body=tiny.python, hang=5), serve(body=tiny.python)).path.read_bytes() == tiny.python


def test_a_mirror_that_drips_is_left_for_the_next(get, serve, tiny):
    dripping = serve(body=tiny.python, trickle=True, hang=0.02)
    patience = replace(HASTY, timeout=5)
    with pytest.raises(DataError, match="bytes per second"):
        get(dripping, patience=patience)
    whole = serve(body=tiny.python)
    assert get(dripping, whole, patience=patience).path.read_bytes() == tiny.python
    assert whole.asked[0].startswith("bytes=")


def test_when_no_mirror_helps_the_error_says_what_each_one_did_and_how_to_do_without(get, serve, tiny, tmp_path):
    lost, cut = serve(body=b"", status=500), serve(body=tiny.python, cut=10)
    with pytest.raises(DataError) as caught:
        get(lost, cut)
    (line,) = caught.value.problems
    for word in (f"127.0.0.1:{lost.port}: HTTP 500", f"127.0.0.1:{cut.port}: ended", "--from FILE", "quickstart"):
        assert word in line, word


def test_a_dead_address_is_one_line_too(tiny, tmp_path):
    with pytest.raises(DataError, match="refused"):
        fetch("cifar10", tmp_path, mirrors=["http://127.0.0.1:9/x"], patience=HASTY)


def test_two_runs_that_fetch_at_once_share_one_download(get, serve, tiny, tmp_path):
    mirror = serve(body=tiny.python, hang=0.2)
    found, patient = [], replace(HASTY, timeout=10)
    runs = [threading.Thread(target=lambda: found.append(get(mirror, patience=patient).path)) for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(20)
    assert found == [tmp_path / "cifar-10-python.tar.gz"] * 3
    assert mirror.asked == [""]
    assert list(tmp_path.iterdir()) == found[:1]


def test_waiting_for_another_run_is_said_and_may_be_given_up(get, serve, tiny, tmp_path):
    class Enough(Exception):
        pass

    def say(done, total, what):
        raise Enough(what)

    with (tmp_path / "cifar-10-python.tar.gz.part").open("ab") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        with pytest.raises(
            Enough, match=rf"process {os.getpid()} \(.+\) is downloading it|another process is downloading it"
        ):
            get(serve(body=tiny.python), progress=say)


def test_progress_ends_with_the_check_of_the_whole(get, serve, tiny):
    seen = []
    get(serve(body=tiny.python), progress=lambda *step: seen.append(step))
    assert seen[-1] == (len(tiny.python), len(tiny.python), "checking the SHA-256")


def test_a_data_folder_below_a_file_is_one_clear_error(tiny, serve, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write to"):
        fetch("cifar10", tmp_path / "file" / "data", mirrors=[serve(body=tiny.python).url])


def test_a_full_disk_is_refused_before_the_first_byte(get, serve, tiny, monkeypatch):
    mirror = serve(body=tiny.python)
    monkeypatch.setattr(fetching, "SPARE", 1 << 60)
    with pytest.raises(DataError, match="MB free"):
        get(mirror)
    assert mirror.asked == []


def test_a_disk_that_fills_up_on_the_way_is_not_blamed_on_the_mirror(tiny, serve, tmp_path):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(DataError, match=r"cannot write .*part"):
            fetch("cifar10", tmp_path, mirrors=[serve(body=tiny.python).url], patience=HASTY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_run_is_refused_only_when_data_are_missing_and_no_mirror_answers(tiny, serve, tmp_path, monkeypatch):
    monkeypatch.setenv("CIFAR_TUI_MIRRORS", "http://127.0.0.1:9/{file}")
    with pytest.raises(DataError, match="no mirror can be reached"):
        require("cifar10", tmp_path)
    mirror = serve(status=405)
    monkeypatch.setenv("CIFAR_TUI_MIRRORS", f"http://127.0.0.1:9/{{file}} {mirror.url}")
    assert require("cifar10", tmp_path).missing
    tiny.put_folder(tmp_path)
    monkeypatch.setenv("CIFAR_TUI_MIRRORS", "http://127.0.0.1:9/{file}")
    assert require("cifar10", tmp_path).kind == "folder"


def test_a_mirror_that_says_nothing_is_not_waited_for(monkeypatch):
    release = threading.Event()

    def silent(*_, **__):
        release.wait(20)
        raise TimeoutError

    monkeypatch.setattr(fetching.urllib.request, "urlopen", silent)
    assert not reachable(["http://silent.invalid/x"], 0.05)
    release.set()
