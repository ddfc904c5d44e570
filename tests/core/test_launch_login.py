"""Where a logout or the end of a job would end the trainer: seen from files like those of real machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.launch.login import ends_with_login

SESSION = "0::/user.slice/user-1000.slice/session-3.scope\n"
OLD_SESSION = "4:memory:/user.slice\n1:name=systemd:/user.slice/user-1000.slice/session-c2.scope\n0::/\n"
MANAGER = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/tmux-spawn-1.scope\n"
SERVICE = "0::/system.slice/cron.service\n"


def machine(root: Path, group: str = SESSION, linger: str = "", **files: str) -> Path:
    """A root folder with these files: `etc="…"` is /etc/systemd/logind.conf, `etc_50="…"` a piece of that name."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(group)
    for name, text in files.items():
        place, _, piece = name.partition("_")
        folder = root / ("usr/lib" if place == "lib" else place) / "systemd"
        path = folder / "logind.conf.d" / f"{piece}.conf" if piece else folder / "logind.conf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if text.startswith("[") else f"[Login]\n{text}\n")
    if linger:
        (root / "var/lib/systemd/linger").mkdir(parents=True)
        (root / "var/lib/systemd/linger" / linger).touch()
    return root


def told(root: Path, user: str = "ann") -> str:
    return str(ends_with_login({}, root, user))


@pytest.mark.parametrize("group", [SESSION, OLD_SESSION])
def test_a_login_manager_that_kills_is_told_with_the_way_out(tmp_path: Path, group: str) -> None:
    text = told(machine(tmp_path, group, etc="KillUserProcesses=yes"))
    assert "Logging out here ends" in text
    assert "loginctl enable-linger; then systemd-run --user --scope finetui" in text


def test_lingering_alone_does_not_save_what_sits_in_a_session(tmp_path: Path) -> None:
    text = told(machine(tmp_path, linger="ann", etc="KillUserProcesses=yes"))
    assert text.endswith("Instead: systemd-run --user --scope finetui")


@pytest.mark.parametrize(
    "files",
    [
        {"etc": "#KillUserProcesses=yes"},  # a main file's comments are what was built in
        {"lib": "KillUserProcesses=1"},
        {"lib": "KillUserProcesses=no", "etc": "KillUserProcesses=on"},  # the main file of /etc hides that of /usr/lib
        {"etc": "KillUserProcesses=no", "run_50": "KillUserProcesses=true"},
        {"etc_10": "KillUserProcesses=no", "lib_90": "KillUserProcesses=yes"},
        {"etc_10": "KillUserProcesses=yes", "lib_10": "KillUserProcesses=no"},  # one name: that of /etc counts
        {"etc": "KillUserProcesses=yes\nKillOnlyUsers=bob\nKillOnlyUsers=ann"},
        {"etc": "KillUserProcesses=yes\nKillExcludeUsers=ann", "etc_50": "KillExcludeUsers="},
    ],
)
def test_the_files_that_say_kill(tmp_path: Path, files: dict[str, str]) -> None:
    assert "KillUserProcesses" in told(machine(tmp_path, **files))


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"etc": "#KillUserProcesses=no"},
        {"etc": "KillUserProcesses=yes", "etc_50": "#nothing\nKillUserProcesses=no"},
        {"etc": "KillUserProcesses=no", "etc_50": "#KillUserProcesses=yes"},  # a piece's comments say nothing
        {"etc": "[Other]\nKillUserProcesses=yes"},
        {"etc": "KillUserProcesses=yes\nKillExcludeUsers=root ann"},
        {"etc": "KillUserProcesses=yes\nKillOnlyUsers=bob"},
    ],
)
def test_the_files_that_do_not(tmp_path: Path, files: dict[str, str]) -> None:
    assert told(machine(tmp_path, **files)) == ""


def test_root_is_left_alone_unless_said_otherwise(tmp_path: Path) -> None:
    assert told(machine(tmp_path / "a", etc="KillUserProcesses=yes"), "root") == ""
    spared = machine(tmp_path / "b", etc="KillUserProcesses=yes\nKillExcludeUsers=")
    assert "KillUserProcesses" in told(spared, "root")


def test_what_the_user_s_own_manager_runs_ends_with_the_last_logout_unless_the_user_lingers(tmp_path: Path) -> None:
    assert "loginctl enable-linger" in told(machine(tmp_path / "a", MANAGER))
    assert told(machine(tmp_path / "b", MANAGER, linger="ann", etc="KillUserProcesses=yes")) == ""


def test_outside_of_a_login_and_without_any_files_nothing_is_said(tmp_path: Path) -> None:
    assert told(machine(tmp_path / "a", SERVICE, etc="KillUserProcesses=yes")) == ""
    assert told(tmp_path / "nothing") == ""
    assert not ends_with_login({}, tmp_path / "nothing")


@pytest.mark.parametrize(
    ("name", "what"), [("SLURM_JOB_ID", "Slurm job 77"), ("PBS_JOBID", "PBS job 77"), ("LSB_JOBID", "LSF job 77")]
)
def test_a_step_of_a_batch_job_ends_with_the_job(tmp_path: Path, name: str, what: str) -> None:
    assert what in str(ends_with_login({name: "77"}, machine(tmp_path, linger="ann"), "ann"))
