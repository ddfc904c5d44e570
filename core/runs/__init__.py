"""Saved runs: each is a folder. Light on purpose: the screen reads runs through this room."""

from core.runs.follow import Batch, follow, read_history, replay
from core.runs.history import EvalPoint, History, Record
from core.runs.run import Run, RunState
from core.runs.store import RunStore, find_root, valid_name
from core.runs.summary import Summary

__all__ = [
    "Batch",
    "EvalPoint",
    "History",
    "Record",
    "Run",
    "RunState",
    "RunStore",
    "Summary",
    "find_root",
    "follow",
    "read_history",
    "replay",
    "valid_name",
]
