"""Two Slurm nodes on this machine, for tests: no systemd, no accounting, nothing written outside one folder.

    python cluster.py FOLDER        starts them and prints the value of SLURM_CONF; they end with this process

Needs root, and `apt-get install slurm-wlm munge`. Jobs in the partition `urgent` preempt those in `debug`. Each node has
a GPU that is none, since Slurm wants a character device and gets a copy of /dev/null.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PROGRAMS: Final = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
PATH: Final = f"{os.environ.get('PATH', '')}:/usr/sbin"
NODES: Final = ("n1", "n2")
KILL_WAIT: Final = 10
"""Seconds from SIGTERM to SIGKILL."""
RECIPE: Final = {
    "epochs": 2,
    "batch_size": 32,
    "optimizer": {"name": "sgd", "lr": 0.05, "momentum": 0.9},
    "data": {"name": "shapes", "fraction": 0.1},
    "compute": {"precision": "fp32"},
}
"""Trains for two seconds on a CPU."""

CONF: Final = """
ClusterName=localtest
FirstJobId={first}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=0,sched_interval=1
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
SlurmdParameters=config_overrides
ReturnToService=2
MpiDefault=none
SwitchType=switch/none
JobRequeue=1
KillWait={kill_wait}
MinJobAge=300
SlurmdTimeout=10
InactiveLimit=0
GresTypes=gpu
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=4 RealMemory=2000 Gres=gpu:1 State=UNKNOWN
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=4 RealMemory=2000 Gres=gpu:1 State=UNKNOWN
PartitionName=debug Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=60
PartitionName=urgent Nodes=n1,n2 MaxTime=INFINITE State=UP PriorityTier=2 PreemptMode=OFF
"""


def missing() -> str:
    """What this machine lacks for a cluster of its own; "" if nothing."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    if absent:
        return f"not installed: {', '.join(absent)}"
    return "" if os.geteuid() == 0 else "starting nodes needs root"


class Cluster:
    """The daemons of the two nodes, as children of this process."""

    def __init__(self, folder: Path) -> None:
        """Start them and wait until both nodes are idle. Args: folder: an empty one, on a local disk."""
        self.folder = folder
        self.conf = folder / "slurm.conf"
        self.nodes: dict[str, subprocess.Popen[bytes]] = {}
        self._others: list[subprocess.Popen[bytes]] = []
        self._write()
        self.environment = {**os.environ, "PATH": PATH, "SLURM_CONF": str(self.conf)}
        try:
            self._begin()
        except BaseException:
            self.stop()
            raise

    def ask(self, *command: str) -> str:
        """What a command of Slurm prints."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout.strip()

    def start_node(self, name: str) -> None:
        self.nodes[name] = self._spawn("slurmd", "-D", "-c", "-N", name)

    def kill_node(self, name: str) -> None:
        """As a power cut would: the daemon ends without a word. What ran on the node is for the caller to kill."""
        self.nodes[name].kill()
        self.nodes.pop(name).wait()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Within the block no job begins."""
        self.ask("scontrol", "update", "PartitionName=debug", "State=DOWN")
        try:
            yield
        finally:
            self.ask("scontrol", "update", "PartitionName=debug", "State=UP")

    def clear(self) -> None:
        """End every job, and wait until both nodes are idle."""
        for name in set(NODES) - self.nodes.keys():
            self.start_node(name)
        subprocess.run(["scancel", "--me"], env=self.environment, capture_output=True, check=False)
        _until(lambda: not self.ask("squeue", "-h") and self.idle() == len(NODES))

    def stop(self) -> None:
        """End every job, then the daemons."""
        if self._others:
            subprocess.run(["scancel", "--me"], env=self.environment, capture_output=True, check=False)
        for process in (*self.nodes.values(), *reversed(self._others)):
            process.terminate()
        for process in (*self.nodes.values(), *self._others):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _write(self) -> None:
        host = socket.gethostname().partition(".")[0]
        (self.folder / "state").mkdir()
        first = 1 + 100 * (os.getpid() % 190)  # the ports of a job follow from its number: other clusters have others
        self.conf.write_text(
            CONF.format(folder=self.folder, host=host, ports=_free_ports(3), kill_wait=KILL_WAIT, first=first)
        )
        lines = []
        for number, node in enumerate(NODES):
            device = self.folder / f"gpu{number}"
            os.mknod(device, 0o020666, os.makedev(1, 3))
            lines.append(f"NodeName={node} Name=gpu File={device}")
            (self.folder / f"spool-{node}").mkdir()
        (self.folder / "gres.conf").write_text("\n".join(lines) + "\n")
        version = "v2" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "v1"
        (self.folder / "cgroup.conf").write_text(f"CgroupPlugin=cgroup/{version}\n")
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)

    def _begin(self) -> None:
        munge = [f"--{name}={self.folder}/munge.{name.partition('-')[0]}" for name in
                 ("key-file", "socket", "pid-file", "log-file", "seed-file")]  # fmt: skip
        self._others.append(self._spawn("munged", "--foreground", "--force", *munge))
        _until(lambda: (self.folder / "munge.socket").exists())
        self._others.append(self._spawn("slurmctld", "-D", "-c"))
        for name in NODES:
            self.start_node(name)
        _until(lambda: self.idle() == len(NODES))

    def idle(self) -> int:
        """How many nodes are up and do nothing."""
        states = subprocess.run(
            ["sinfo", "-N", "-h", "-p", "debug", "-o", "%T"], env=self.environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        return states.stdout.split().count("idle")

    def _spawn(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{command[0]}.out").open("ab") as out:
            return subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _until(true: object, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(0.05)


if __name__ == "__main__":
    cluster = Cluster(Path(sys.argv[1]))
    print(cluster.conf, flush=True)
    try:
        sys.stdin.read()
    finally:
        cluster.stop()
