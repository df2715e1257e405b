"""The port on which torchrun's agents on the nodes of a job meet: `rendezvous.json`, written on the first node.

The port cannot be fixed beforehand, since another program may have taken it. So the first node chooses one that is free
just before its agent starts, and the others read it. Between the choice and the agent's start lie a few seconds; if the
port is taken in them, the attempt fails, and a resumed one chooses again.
"""

from __future__ import annotations

import json
import os
import socket
from itertools import count, islice
from pathlib import Path
from typing import Final

from engine.contract.errors import BadInput
from engine.contract.files import read_json, write_atomic

FILE: Final = "rendezvous.json"
FIRST_PORT: Final = 10_000
PORTS: Final = 20_000
"""Ports below those that Linux gives to outgoing connections, which begin at 32,768."""
TRIES: Final = 1000


def announce(run: Path) -> None:
    """Choose a port of this node, the first, and write it for the others.

    Jobs that share a node begin their search at different ports, given by their numbers.

    Raises:
        BadInput: a thousand ports in a row are taken.
        OSError: the file cannot be written.
    """
    ports = (FIRST_PORT + number % PORTS for number in count(int(os.environ.get("SLURM_JOB_ID", 0))))
    port = next(filter(_is_free, islice(ports, TRIES)), None)
    if port is None:
        raise BadInput(f"--nodes: no free port on this node for its agent, of {TRIES:,} that were tried")
    write_atomic(run / FILE, json.dumps({"job": _job(), "port": port}).encode())


def announced(run: Path) -> int | None:
    """The port of this job; None as long as the first node has not announced it."""
    table = read_json(run / FILE) or {}
    port = table.get("port")
    return port if table.get("job") == _job() and isinstance(port, int) else None


def _job() -> str:
    """This job, and how often it has been put back into the queue, so that the port of an earlier one is not taken."""
    return ".".join(os.environ.get(f"SLURM_{name}", "0") for name in ("JOB_ID", "RESTART_COUNT"))


def _is_free(port: int) -> bool:
    """Whether this process could listen there, at all addresses of this machine."""
    both = socket.has_dualstack_ipv6()
    try:
        socket.create_server(
            ("", port), family=socket.AF_INET6 if both else socket.AF_INET, dualstack_ipv6=both
        ).close()
    except OSError:
        return False
    return True
