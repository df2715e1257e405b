"""The job script as text."""

import shlex
import subprocess
from pathlib import Path

import pytest

from engine.contract.recipe.schema import Placement
from engine.launch.slurm.script import ScriptValues, array_script, script, seconds, warning

RUN = Path("/runs/20261128-101530-k3f9")
COMMAND = ["/venv/bin/python", "-m", "engine.launch.supervise", str(RUN), "--slurm"]


def header(text: str) -> dict[str, str]:
    """The options of sbatch in a script."""
    lines = [line.removeprefix("#SBATCH --") for line in text.splitlines() if line.startswith("#SBATCH --")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def test_every_setting_is_an_option_of_sbatch_and_the_rest_is_what_the_supervisor_needs():
    placement = Placement(
        launcher="slurm", partition="gpu", account="lab", qos="long", time="4:00:00", cpus=8, memory="16G",
        constraint="a100|h100", sbatch="--exclusive --mail-type=END", setup="module load cuda",
    )  # fmt: skip
    text = script(ScriptValues(RUN, {"PYTHONPATH": "/my code"}, COMMAND), placement)
    assert text.startswith("#!/bin/sh\n")
    assert header(text) == {
        "job-name": "cifar-tui-k3f9",
        "comment": str(RUN),
        "output": f"{RUN}/log.txt",
        "open-mode": "append",
        "chdir": "/",
        "nodes": "1",
        "ntasks": "1",
        "signal": "USR2@180",
        "partition": "gpu",
        "account": "lab",
        "qos": "long",
        "time": "4:00:00",
        "mem": "16G",
        "constraint": '"a100|h100"',
        "cpus-per-task": "8",
        "gres": "gpu:1",
        "no-requeue": "",
        "exclusive --mail-type": "END",
    }
    body = [line for line in text.splitlines() if not line.startswith("#")]
    assert body[:2] == ["module load cuda", "export PYTHONPATH='/my code'"]
    assert body[-1] == f"exec srun --unbuffered --kill-on-bad-exit=1 --ntasks=1 --cpus-per-task=8 {shlex.join(COMMAND)}"


def test_a_run_on_several_nodes_has_a_task_and_its_part_of_the_gpus_on_each():
    text = script(ScriptValues(RUN, {}, COMMAND), Placement(launcher="slurm", gpus=8, nodes=2, cpus=16))
    found = header(text)
    assert [found[name] for name in ("nodes", "ntasks", "ntasks-per-node", "gres")] == ["2", "2", "1", "gpu:4"]
    step = "--nodes=2 --ntasks=2 --ntasks-per-node=1 --wait=120 --cpus-per-task=16"
    assert text.splitlines()[-1] == f"exec srun --unbuffered --kill-on-bad-exit=1 {step} {shlex.join(COMMAND)}"


def test_a_run_on_the_cpu_asks_for_no_gpu_and_empty_settings_for_nothing():
    found = header(script(ScriptValues(RUN, {}, COMMAND), Placement(launcher="slurm", device="cpu")))
    assert not found.keys() & {"gres", "partition", "account", "qos", "time", "mem", "constraint", "cpus-per-task"}


def test_a_path_with_spaces_and_percent_signs_is_written_as_sbatch_reads_it():
    found = header(script(ScriptValues(Path("/my runs/50%/a-b3f9"), {}, COMMAND), Placement()))
    assert found["output"] == '"/my runs/50%%/a-b3f9/log.txt"'


@pytest.mark.parametrize("placement", [Placement(), Placement(setup="true\nfalse || true")])
def test_the_shell_takes_it(placement):
    for text in (
        script(ScriptValues(RUN, {"A": "it's"}, COMMAND), placement),
        array_script(Path("/a b/list"), 3, placement),
    ):
        subprocess.run(["sh", "-n"], input=text, text=True, check=True)


def test_an_element_of_an_array_executes_the_script_on_its_line(tmp_path):
    run = tmp_path / "a run"
    run.mkdir()
    (run / "job.sh").write_text("echo ran $0\n")
    scripts = tmp_path / "list"
    scripts.write_text(f"/nowhere/job.sh\n{run}/job.sh\n")
    text = array_script(scripts, 2, Placement(partition="gpu"))
    assert header(text)["array"] == "0-1" and header(text)["partition"] == "gpu"
    subprocess.run(["sh"], input=text, text=True, check=True, env={"SLURM_ARRAY_TASK_ID": "1", "PATH": "/usr/bin:/bin"})
    assert (run / "log.txt").read_text() == f"ran {run}/job.sh\n"


@pytest.mark.parametrize(
    ("limit", "allowed"),
    [
        ("", 0),
        ("90", 5400),
        ("1:30", 90),
        ("4:00:00", 14400),
        ("1-12", 129600),
        ("1-12:30", 131400),
        ("2-0:0:5", 172805),
    ],
)
def test_time_limits_are_read_as_slurm_reads_them(limit, allowed):
    assert seconds(limit) == allowed


def test_the_warning_leaves_a_short_job_time_to_work():
    assert [warning(limit) for limit in ("", "8:00:00", "10", "1")] == [180, 180, 120, 15]
