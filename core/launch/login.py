"""Where a trainer would end with the login or the batch job it was started from: said before that matters.

systemd's login manager can end what a session leaves behind (`KillUserProcesses`), and ends a user's own manager with
all it runs at that user's last logout unless the user lingers. A session of its own, which our trainers have, protects
from a closed terminal but from neither. A batch system ends all processes of a job with the job.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PLACES = ("etc", "run", "usr/local/lib", "usr/lib")
"""Where systemd looks for its configuration, the first place that has a file of a name being the one that counts."""

_JOBS = {"SLURM_JOB_ID": "Slurm job", "PBS_JOBID": "PBS job", "LSB_JOBID": "LSF job"}

_YES = ("1", "yes", "y", "true", "t", "on")


@dataclass(frozen=True, slots=True)
class Danger:
    """What ends the trainer (one sentence), and what to do about it. False where nothing would."""

    title: str = ""
    remedy: str = ""

    def __bool__(self) -> bool:
        return bool(self.title)

    def __str__(self) -> str:
        return " ".join(part for part in (self.title, self.remedy) if part)


def in_batch_job(environment: Mapping[str, str] | None = None) -> bool:
    """Whether a scheduler started this: its signals come before the job is ended."""
    environment = os.environ if environment is None else environment
    return any(environment.get(name) for name in _JOBS)


def ends_with_login(
    environment: Mapping[str, str] | None = None, root: Path = Path("/"), user: str | None = None
) -> Danger:
    """What would end a trainer started by this process when its user logs out or its job ends.

    `root` stands in for `/` and `user` for this process's user, in tests. Reads a few small files; raises nothing.
    """
    environment = os.environ if environment is None else environment
    for name, what in _JOBS.items():
        if number := environment.get(name):
            return Danger(
                f"This is {what} {number}: when it ends, the trainer is ended with it.",
                "Let the job last as long as the training, without --detach.",
            )
    user = _user() if user is None else user
    lingers = (root / "var/lib/systemd/linger" / user).exists() if user else False
    group = _control_group(root)
    if re.search(r"/user@\d+\.service(/|$)", group):
        if lingers or user in ("", "root"):
            return Danger()
        return Danger(
            "Your last logout ends all that your user manager runs, the trainer too.", "Before: loginctl enable-linger"
        )
    if not re.search(r"/session-[^/]+\.scope(/|$)", group) or not _kills(root, user):
        return Danger()
    linger = "" if lingers else "loginctl enable-linger; then "
    return Danger(
        "Logging out here ends what you left running, the trainer too (KillUserProcesses).",
        f"Instead: {linger}systemd-run --user --scope finetui",
    )


def _user() -> str:
    """The name of this process's user, empty where none is known."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return ""


def _control_group(root: Path) -> str:
    """The control group that systemd put this process into, empty where there is none."""
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text(errors="replace").splitlines():
            _, _, rest = line.partition(":")
            controllers, _, path = rest.partition(":")
            if controllers in ("", "name=systemd"):
                return path
    return ""


def _kills(root: Path, user: str) -> bool:
    """Whether the login manager ends what this user's sessions leave behind, as it decides it."""
    setting, only, excluded = False, list[str](), ["root"]
    for path in _configuration(root):
        setting, only, excluded = _read(path, setting, only, excluded)
    return setting and user not in excluded and (not only or user in only)


def _configuration(root: Path) -> list[Path]:
    """The files of the login manager's configuration, in the order in which they count: a later one overrides."""
    mains = [root / place / "systemd/logind.conf" for place in _PLACES]
    pieces: dict[str, Path] = {}
    for place in reversed(_PLACES):
        for path in (root / place / "systemd/logind.conf.d").glob("*.conf"):
            pieces[path.name] = path
    return [*[path for path in mains if path.is_file()][:1], *(pieces[name] for name in sorted(pieces))]


def _read(path: Path, setting: bool, only: list[str], excluded: list[str]) -> tuple[bool, list[str], list[str]]:
    """The three settings after this file. A main file names its defaults in comments: so it tells what was built in."""
    section = ""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return setting, only, excluded
    is_default = path.name == "logind.conf"
    for raw in lines:
        line = raw.strip()
        if line.startswith("["):
            section = line
        name, _, value = line.lstrip("#;").partition("=")
        name, value = name.strip(), value.strip()
        if section != "[Login]" or (line[:1] in ("#", ";") and not (is_default and name == "KillUserProcesses")):
            continue
        if name == "KillUserProcesses":
            setting = value.lower() in _YES
        elif name == "KillOnlyUsers":
            only = [*only, *value.split()] if value else []
        elif name == "KillExcludeUsers":
            excluded = [*excluded, *value.split()] if value else []
    return setting, only, excluded
