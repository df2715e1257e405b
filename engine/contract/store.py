"""Run folders under one name: making, finding, listing, reading and removing them."""

from engine.contract.create import create
from engine.contract.folder import RUN_ID, RunFolder, RunInfo
from engine.contract.labels import Labels
from engine.contract.remove import remove
from engine.contract.roots import check_writable, is_run, runs_root, runs_roots
from engine.contract.select import find
from engine.contract.status import ENDED, LIVE, STATES, Status
from engine.contract.summary import JSON_KEYS, Summary, summarize

__all__ = [
    "ENDED", "JSON_KEYS", "LIVE", "RUN_ID", "STATES", "Labels", "RunFolder", "RunInfo", "Status", "Summary",
    "check_writable", "create", "find", "is_run", "remove", "runs_root", "runs_roots", "summarize",
]  # fmt: skip
