"""A child of ours on the other end of two pipes, as the screen talks to it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from core.launch import child_command, child_environment


class Talk:
    """JSON lines to a child and back."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.pid, self._ears, self._mouth = process.pid, process.stdin, process.stdout

    def say(self, message: dict[str, Any]) -> None:
        self._ears.write(json.dumps(message) + "\n")
        self._ears.flush()

    def hear(self) -> dict[str, Any]:
        heard: dict[str, Any] = json.loads(self._mouth.readline())
        return heard


@contextmanager
def talking(*command: str) -> Iterator[Talk]:
    """The child of `command`; it ends with the block."""
    process = subprocess.Popen(
        child_command(*command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=child_environment(),
        cwd=os.sep,
    )
    with process:  # closes the pipes, which the child takes for the end, and waits
        yield Talk(process)
