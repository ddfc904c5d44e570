"""Where a run executes. A launcher only builds and starts a command; the run folder is the only channel back."""

from core.launch.child import child_command, child_environment, program
from core.launch.local import start

__all__ = ["child_command", "child_environment", "program", "start"]
