"""A child behind pipes: what it is asked, what it answers, what it complains of, and that it ends when told to."""

import json
import time

import psutil
import pytest

from engine.launch import package
from engine.launch.piped import PipedChild


@pytest.fixture
def child(monkeypatch, tmp_path):
    """Starts a small program as the module `program`."""
    monkeypatch.setattr(package, "environment", lambda: {"PYTHONPATH": str(tmp_path)})

    def start(code: str, request=None, environment=None, **options) -> PipedChild:
        (tmp_path / "program.py").write_text(code)
        return PipedChild("program", request or {}, environment, **options)

    return start


def test_it_gets_the_request_and_its_answer_comes_whole(child):
    answering = child("import sys, os; print(sys.stdin.read(), os.environ['MORE'])", {"a": [1, "ä"]}, {"MORE": "more"})
    request, _, more = answering.read().decode().rpartition(" ")
    assert (json.loads(request), more.strip()) == ({"a": [1, "ä"]}, "more")
    assert answering.wait() == 0 and answering.last_error() == ""


def test_its_lines_come_as_they_are_written(child):
    code = "import sys, time\nprint('first', flush=True)\ntime.sleep(60)"
    answering = child(code)
    assert next(answering.lines()) == b"first\n"
    answering.stop()
    assert answering.wait() == -9


def test_its_last_line_on_stderr_is_kept_and_it_cannot_flood_the_pipe(child):
    dying = child("import sys; sys.stderr.write('x' * 1_000_000 + '\\n'); sys.exit('no such thing')")
    assert (dying.read(), dying.wait(), dying.last_error()) == (b"", 1, "no such thing")


def test_a_child_that_reads_nothing_is_no_error(child):
    deaf = child("import os; os.close(0)", {"much": "x" * 1_000_000})
    assert deaf.read() == b"" and deaf.wait() == 0


def test_its_errors_go_to_our_stderr_where_that_is_wanted(child, capfd):
    complaining = child("import sys; sys.exit('fetching')", show_errors=True)
    assert complaining.wait() == 1 and complaining.last_error() == ""
    assert capfd.readouterr().err == "fetching\n"


def test_it_works_in_the_root_folder_and_hears_no_ctrl_c_of_the_terminal(child):
    answer = child("import os; print(os.getcwd(), os.getsid(0) == os.getpid())").read()
    assert answer == b"/ True\n"


def test_stopping_ends_it_and_what_it_started(child):
    asleep = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
    running = child(f"{asleep}print('started', flush=True); time.sleep(60)")
    next(running.lines())
    (started,) = psutil.Process(running._process.pid).children()
    running.stop()
    deadline = time.monotonic() + 10
    while started.is_running() and started.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not started.is_running() or started.status() == psutil.STATUS_ZOMBIE
    running.stop()  # a second time does no harm
