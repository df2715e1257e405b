"""`--launcher` on the command line: what a dry run prints, and what is refused before a folder is made."""

import json

import pytest

from engine.contract.run.store import runs_root
from engine.launch.slurm import submit

RUN = ("--preset", "quickstart", "--headless", "--device", "cpu")


@pytest.fixture(autouse=True)
def nothing_is_remembered():
    for remembered in (submit._refusal, submit.limits):
        remembered.cache_clear()


def test_a_dry_run_for_slurm_prints_the_script_and_with_json_the_recipe_too(cli):
    answer = cli(*RUN, "--launcher", "slurm", "--partition", "gpu", "--dry-run")
    assert answer.code == 0 and answer.out.startswith("#!/bin/sh\n#SBATCH --job-name=")
    assert "#SBATCH --partition=gpu\n" in answer.out
    table = json.loads(cli(*RUN, "--launcher", "slurm", "--dry-run", "--json").out)
    assert set(table) == {"recipe_id", "recipe", "script"} and table["script"].startswith("#!/bin/sh\n")
    assert set(json.loads(cli(*RUN, "--dry-run", "--json").out)) == {"recipe_id", "recipe"}
    assert not runs_root().exists()


def test_a_grid_shows_one_script_for_all_of_its_runs(cli):
    words = ("grid", "--preset", "quickstart", "--vary", "lr=0.1,0.2", "--launcher", "slurm", "--device", "cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(submit, "_refusal", lambda text: "")
        answer = cli(*words, "--dry-run")
        table = json.loads(cli(*words, "--dry-run", "--json").out)
    assert answer.code == 0 and answer.out.count("#!/bin/sh") == 1
    assert len(table["runs"]) == 2 and table["script"].startswith("#!/bin/sh\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--launcher", "slurm"), "--launcher slurm: this machine has no sinfo"),
        (("--launcher", "slrum"), "launcher: got 'slrum'"),
        (("--launcher", "slurm", "--time", "soon"), "time: got 'soon'"),
        (("--launcher", "slurm", "--memory", "lots"), "memory: got 'lots'"),
        (("--launcher", "slurm", "--nodes", "2", "--gpus", "3"), "nodes = 2: gpus = 3 does not divide among 2 nodes"),
        (("--nodes", "2", "--gpus", "2"), "nodes = 2: only launcher slurm starts a run on several nodes, not local"),
        (("--launcher", "command"), "--template '': needs {run}"),
        (("--launcher", "command", "--template", "ssh gpubox"), "--template 'ssh gpubox': needs {run}"),
    ],
)
def test_a_mistake_is_one_line_and_no_folder_is_made(cli, monkeypatch, tmp_path, words, said):
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = cli(*RUN, *words, "--detach")
    assert answer.code == 2 and answer.err.count("\n") == 1
    assert said in answer.err and not runs_root().exists()


def test_slurms_own_line_is_the_error(cli, monkeypatch, tmp_path):
    for name, text in (("sinfo", "exit 0"), ("scontrol", "exit 0"),
                       ("sbatch", "echo 'sbatch: error: invalid partition specified: nope' >&2; exit 1")):  # fmt: skip
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    answer = cli(*RUN, "--launcher", "slurm", "--partition", "nope", "--detach")
    assert (answer.code, answer.err) == (2, "error: --launcher slurm: invalid partition specified: nope\n")
    assert not runs_root().exists()
