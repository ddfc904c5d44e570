"""`finetui devices` and `finetui doctor`: what there is, to choose from and to paste into a bug report."""

from __future__ import annotations

import json as json_format
import locale
import os
import platform
import shutil
import sys
from dataclasses import asdict
from typing import Any

from core.cli.console import out, table
from core.cli.options import JsonOption, RunsOption
from core.launch.login import ends_with_login
from core.machine import list_devices
from core.runs import RunStore, find_root


def devices(json: JsonOption = False) -> None:
    """List the devices that can train, with their free memory."""
    found = list_devices()
    if json:
        out(json_format.dumps({"devices": [asdict(one) for one in found]}))
        return
    rows = [["device", "name", "free", "total", ""]]
    rows += [[one.device, one.name, _gib(one.free_bytes), _gib(one.total_bytes), one.note] for one in found]
    out(table(rows, frozenset({2, 3})))


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"


def doctor(json: JsonOption = False, runs: RunsOption = None) -> None:
    """Versions, devices, paths and terminal: for a bug report."""
    facts = diagnostics(runs)
    if json:
        out(json_format.dumps(facts))
        return
    for section, values in facts.items():
        out(section)
        for name, value in values.items():
            out(f"  {name:<18} {value}")


def diagnostics(runs: Any = None) -> dict[str, dict[str, str]]:
    """What `doctor` prints, by section. Nothing secret is in it: no environment but the names below."""
    from core.modelling.catalogue import starter_status
    from core.training.environment import versions

    root = find_root(runs)
    store = RunStore(root.path)
    size = shutil.disk_usage(next(path for path in (root.path, *root.path.parents) if path.exists()))
    return {
        "versions": versions() | {"system": platform.platform()},
        "devices": {
            one.device: f"{one.name}, {_gib(one.free_bytes)} free of {_gib(one.total_bytes)}, {one.note}"
            for one in list_devices()
        },
        "paths": {
            "runs": f"{root.path} ({root.reason})",
            "runs there": str(len(store.names())),
            "live now": ", ".join(run.name for run in store.live()) or "none",
            "disk free": _gib(size.free),
            "python": sys.executable,
            "starter encoder": starter_status(),
        },
        "leaving": {"after logout": str(ends_with_login()) or "nothing here is seen to end a trainer"},
        "terminal": {
            "TERM": os.environ.get("TERM", ""),
            "COLORTERM": os.environ.get("COLORTERM", ""),
            "NO_COLOR": os.environ.get("NO_COLOR", ""),
            "tmux": "yes" if os.environ.get("TMUX") else "no",
            "encoding": locale.getpreferredencoding(False),
            "size": "{}x{}".format(*shutil.get_terminal_size()),
        },
    }
