"""One tree of errors. Raised once, with a title and a next step; each front end shows it in one place.

    WorkbenchError            anything a person can do something about
    ├── DataError             the file, its encoding, its columns, its classes
    ├── ConfigError           a setting out of bounds, an unknown key
    ├── ModelError            a base model or a saved model that cannot be used
    ├── DeviceError           the device asked for is not there
    ├── RunError              a run folder: missing, damaged, in use, not writable
    ├── TrainingError         training started and could not go on
    └── Cancelled             a person asked to stop

Exit codes of the command line: 2 for what the person gave us, 1 for what failed on our side, 130 for "stop now".
"""

from __future__ import annotations

from typing import Any, ClassVar


class WorkbenchError(Exception):
    """Something a person can act upon.

    `title` is one short line; `message` says what happened; `next_step` says what to do about it.
    """

    exit_code: ClassVar[int] = 2

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


class Cancelled(WorkbenchError):
    """A person asked to stop."""

    exit_code = 130


def error_from_dict(fields: dict[str, Any]) -> WorkbenchError:
    """The error a child reported, rebuilt by name; an unknown kind stays a `WorkbenchError`."""
    kinds = {kind.__name__: kind for kind in WorkbenchError.__subclasses__()}
    kind = kinds.get(str(fields.get("kind", "")), WorkbenchError)
    return kind(
        str(fields.get("title", "Something went wrong")),
        str(fields.get("message", "")),
        str(fields.get("next_step", "")),
    )
