"""What there is to train on, and what is asked for and is not there."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import torch

from core.config import TrainingConfig
from core.errors import DeviceError
from core.launch import child_command, child_environment
from core.machine import _visible, cpu_has_bf16, cpu_name, list_devices, list_gpus, usable_cores
from core.training.device import choose_device, probe_bf16


def test_cores_are_those_this_process_may_use() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_an_affinity_of_one_core_is_one_core() -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_the_cpu_is_always_there_with_its_memory() -> None:
    cpu, *others = list_devices()
    assert cpu.device == "cpu"
    assert cpu.name == cpu_name() != ""
    assert 0 < cpu.free_bytes <= cpu.total_bytes
    assert "core" in cpu.note
    assert [one.device for one in others] == [f"cuda:{place}" for place in range(len(others))]


@pytest.mark.parametrize(
    ("listed", "found"),
    [(None, [0, 1, 2]), ("2,0", [2, 0]), ("", []), ("-1", []), ("1,9,0", [1]), ("GPU-abc", []), (" 1 , 2 ", [1, 2])],
)
def test_hidden_gpus_stay_hidden(listed: str | None, found: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if listed is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    assert _visible(3) == found


def test_the_command_lists_devices_as_json(tmp_path: Path) -> None:
    done = subprocess.run(
        child_command("devices", "--json"), capture_output=True, check=True, cwd=tmp_path, env=child_environment()
    )
    first = json.loads(done.stdout)["devices"][0]
    assert set(first) == {"device", "name", "free_bytes", "total_bytes", "note"}
    assert first["device"] == "cpu"


def test_a_decision_carries_its_reason() -> None:
    before = torch.get_num_threads()
    try:
        chosen = choose_device(TrainingConfig(device="cpu", precision="fp32", threads=1))
        assert torch.get_num_threads() == chosen.threads == 1
        assert choose_device(TrainingConfig(device="cpu", precision="fp32")).threads == usable_cores()
    finally:
        torch.set_num_threads(before)
    assert (chosen.device.type, chosen.precision) == ("cpu", "fp32")
    assert chosen.reason == "as asked; fp32 as asked"
    with chosen.autocast():
        assert not torch.is_autocast_enabled("cpu")


def test_the_automatic_choice_is_a_device_that_works() -> None:
    before = torch.get_num_threads()
    try:
        chosen = choose_device(TrainingConfig())
    finally:
        torch.set_num_threads(before)
    with chosen.autocast():
        product = torch.ones(2, 2, device=chosen.device) @ torch.ones(2, 2, device=chosen.device)
    assert product.float().tolist() == [[2.0, 2.0], [2.0, 2.0]]
    assert chosen.precision in ("fp32", "bf16")


@pytest.mark.gpu
def test_of_several_gpus_the_freest_is_taken_and_the_others_are_left_alone() -> None:
    chosen = choose_device(TrainingConfig())
    gpus = list_gpus()
    if [gpu.name for gpu in gpus] == [torch.cuda.get_device_name(index) for index in range(len(gpus))]:
        assert "most free memory" in chosen.reason
    else:
        assert chosen.device == torch.device("cuda", 0)


@pytest.mark.parametrize("device", ["cuda:99", "mps"])
def test_a_device_that_is_not_there(device: str) -> None:
    if device == "mps" and torch.backends.mps.is_available():
        pytest.skip("it is there")
    before = torch.get_num_threads()
    try:
        with pytest.raises(DeviceError, match="There is no") as found:
            choose_device(TrainingConfig(device=device))
    finally:
        torch.set_num_threads(before)
    assert "--device auto" in found.value.next_step


def test_bf16_is_taken_only_where_the_cpu_has_it() -> None:
    config = TrainingConfig(device="cpu", precision="bf16", threads=1)
    before = torch.get_num_threads()
    try:
        if cpu_has_bf16():
            assert choose_device(config).precision == "bf16"
        else:
            with pytest.raises(DeviceError, match="no bf16"):
                choose_device(config)
    finally:
        torch.set_num_threads(before)


def test_the_probe_gives_a_ratio() -> None:
    assert probe_bf16(0.0) == pytest.approx(1, rel=1) or probe_bf16(0.02) > 0
