"""One tree of errors. Raised once, with a title and a next step; each front end shows it in one place.

    WorkbenchError            anything a person can do something about
    ├── DataError             the file, its encoding, its columns, its classes
    ├── ConfigError           a setting out of bounds, an unknown key
    ├── ModelError            a base model or a saved model that cannot be used
    ├── DeviceError           the device asked for is not there
    ├── RunError              a run folder: missing, damaged, in use, not writable
    ├── TrainingError         training started and could not go on
    │   ├── NotFiniteError    the loss or the gradient is not a number
    │   └── MemoryFullError   a single row at a time is too much
    ├── DiskFullError         no room for what must be written
    └── Cancelled             a person asked to stop

Exit codes of the command line: 2 for what the person gave us, 1 for what failed on our side, 71 (`EX_OSERR`) when
memory or the disk is full, 75 (`EX_TEMPFAIL`) for a run that paused and can go on, 130 for "stop now".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

PAUSED = 75
"""Exit code of a run that left and can go on."""


class WorkbenchError(Exception):
    """Something a person can act upon.

    `title` is one short line; `message` says what happened; `next_step` says what to do about it.
    """

    exit_code: ClassVar[int] = 2
    about: tuple[str, str] = ("", "")
    """The setting that does not fit, as `section.name`, and its value (of a list: the one in it), where known."""

    def __init__(self, title: str, message: str = "", next_step: str = "") -> None:
        super().__init__(title, message, next_step)
        self.title = title
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return "\n".join(part for part in (self.title, self.message, self.next_step) if part)

    def to_dict(self) -> dict[str, str]:
        """As JSON for the line protocol between a child and the screen."""
        return {
            "kind": type(self).__name__,
            "title": self.title,
            "message": self.message,
            "next_step": self.next_step,
        }


class DataError(WorkbenchError):
    """The data cannot be used as it is."""


class ConfigError(WorkbenchError):
    """A setting cannot be used."""


class ModelError(WorkbenchError):
    """A base model or saved model cannot be used."""


class DeviceError(WorkbenchError):
    """The device asked for cannot be used."""


class RunError(WorkbenchError):
    """A run folder cannot be used."""


class TrainingError(WorkbenchError):
    """Training began and could not go on."""

    exit_code = 1


class NotFiniteError(TrainingError):
    """A loss, a gradient or a weight is not a number after `step`; `rows` are those that it learned from, if known."""

    step: int = 0
    rows: Sequence[int] = ()


class MemoryFullError(TrainingError):
    """Memory ran out and smaller micro-batches did not help."""

    exit_code = 71


class DiskFullError(WorkbenchError):
    """There is no room for what must be written."""

    exit_code = 71


class Cancelled(WorkbenchError):
    """A person asked to stop."""

    exit_code = 130


def error_from_dict(fields: dict[str, Any]) -> WorkbenchError:
    """The error a child reported, rebuilt by name; an unknown kind stays a `WorkbenchError`."""
    return kind_named(str(fields.get("kind", "")))(
        str(fields.get("title", "Something went wrong")),
        str(fields.get("message", "")),
        str(fields.get("next_step", "")),
    )


def _kinds(root: type[WorkbenchError] = WorkbenchError) -> Iterator[type[WorkbenchError]]:
    yield root
    for kind in root.__subclasses__():
        yield from _kinds(kind)


def kind_named(name: str) -> type[WorkbenchError]:
    """The class of the tree with that name; `WorkbenchError` when there is none."""
    return next((kind for kind in _kinds() if kind.__name__ == name), WorkbenchError)
