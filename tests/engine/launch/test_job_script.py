"""The part of a job script that no scheduler matters for."""

import json
import shlex
import stat
import subprocess
from pathlib import Path

from engine.launch import job_script


def test_the_environment_holds_what_a_supervisor_needs_and_no_secrets(monkeypatch):
    monkeypatch.setenv("CIFAR_TUI_DATA", "data")
    monkeypatch.setenv("CIFAR_TUI_QUEUE", "/queue")
    monkeypatch.setenv("API_TOKEN", "secret")
    found = job_script.environment({"/parts/a.py": "abc"})
    assert found["CIFAR_TUI_DATA"] == str(Path("data").absolute())
    assert found["PYTHONSAFEPATH"] == "1" and found["CIFAR_TUI_ENGINE"].endswith("engine/__init__.py")
    assert json.loads(found["CIFAR_TUI_TRUSTED_PARTS"]) == {"/parts/a.py": "abc"}
    assert "API_TOKEN" not in found and "secret" not in str(found)
    assert "CIFAR_TUI_QUEUE" not in found, "a job has a queue of its own"


def test_the_shell_sees_every_value_as_it_was(tmp_path):
    odd = 'it\'s $HOME `x` "q" \\ ü'
    text = job_script.body({"ODD": odd}, "SET=up", ["printf", "%s|%s|%s", odd, "$SET", "x y"])
    done = subprocess.run(
        ["sh", "-c", text], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)},
        check=True,
    )  # fmt: skip
    assert done.stdout == f"{odd}|$SET|x y"
    (queue,) = tmp_path.iterdir()
    assert stat.S_IMODE(queue.stat().st_mode) == 0o700


def test_the_users_own_commands_come_first():
    lines = job_script.body({"A": "1"}, "module load cuda\nsource venv/bin/activate", ["true"]).splitlines()
    assert lines[:3] == ["module load cuda", "source venv/bin/activate", "export A=1"]
    assert lines[-1] == "exec true"


def test_the_command_line_names_the_run_and_the_changes(bench):
    run = bench.make()
    words = job_script.supervise(run.path, {"time": "1:00"}, "--slurm")
    assert words[1:] == ["-m", "engine.launch.supervise", str(run.path), "--placement", '{"time": "1:00"}', "--slurm"]
    assert shlex.split(shlex.join(words)) == words


def test_only_the_queue_that_was_made_for_the_job_is_removed(tmp_path, monkeypatch):
    for name, stays in (("cifar-tui-queue.a1b2c3", False), ("queue", True)):
        (tmp_path / name / "tickets").mkdir(parents=True)
        monkeypatch.setenv("CIFAR_TUI_QUEUE", str(tmp_path / name))
        job_script.remove_own_queue()
        assert (tmp_path / name).exists() == stays


def test_script_and_log_are_as_private_as_the_run(bench):
    for share, mode in (("private", 0o600), ("group", 0o660)):
        run = bench.make(share=share)
        path = job_script.store(run, "#!/bin/sh\n")
        assert path == run.path / "job.sh" and path.read_text() == "#!/bin/sh\n"
        assert {stat.S_IMODE(file.stat().st_mode) for file in (path, run.log)} == {mode}
