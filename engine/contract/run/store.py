"""Run folders under one import: create, find, list, read and remove them."""

from engine.contract.run.create import create
from engine.contract.run.folder import RUN_ID, RunFolder, RunInfo
from engine.contract.run.labels import Labels
from engine.contract.run.roots import check_writable, is_run, runs_root, runs_roots
from engine.contract.run.select import find
from engine.contract.run.status import ENDED, LIVE, STATES, Status
from engine.contract.run.summary import JSON_KEYS, Summary, summarize
from engine.contract.run.trash import empty, in_trash, purge, remove, restore, trash_bytes, trash_of

__all__ = [
    "ENDED", "JSON_KEYS", "LIVE", "RUN_ID", "STATES", "Labels", "RunFolder", "RunInfo", "Status", "Summary",
    "check_writable", "create", "empty", "find", "in_trash", "is_run", "purge", "remove", "restore", "runs_root",
    "runs_roots", "summarize", "trash_bytes", "trash_of",
]  # fmt: skip
