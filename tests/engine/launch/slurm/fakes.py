"""Stand-ins for the commands of Slurm: scripts that write down how they were called and answer from files."""

import os
from pathlib import Path

import pytest

COMMANDS = ("sbatch", "squeue", "scancel", "scontrol", "sinfo")


class FakeSlurm:
    """Scripts in a folder at the head of $PATH. Each prints the file NAME.out and NAME.err and exits with NAME.rc."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        folder.mkdir()
        for name in COMMANDS:
            program = folder / name
            program.write_text(
                f"#!/bin/sh\n"
                f'echo "$*" >>{folder}/{name}.calls\n'
                f"cat {folder}/{name}.out\ncat {folder}/{name}.err >&2\nexit $(cat {folder}/{name}.rc)\n"
            )
            program.chmod(0o755)
            self.answer(name)
        self.answer("sbatch", "77\n")
        patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def answer(self, name: str, out: str = "", err: str = "", rc: int = 0) -> None:
        for suffix, text in (("out", out), ("err", err), ("rc", str(rc))):
            (self.folder / f"{name}.{suffix}").write_text(text)

    def calls(self, name: str) -> list[str]:
        path = self.folder / f"{name}.calls"
        return path.read_text().splitlines() if path.exists() else []
