"""Engine benchmarks: all sides do the same work, a round that is off is measured again, figures reach the page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.benchmarks import engine, engine_report, peers
from tests.benchmarks.engine_cases import CASES, OURS, T0, T1, Case, Side, Target
from tests.benchmarks.engine_rounds import MissingError, UnequalWorkError, check_equal, measure
from tests.benchmarks.engine_work import Rows, Work, load_rows, made_up, read_tsv

TEXTS = ("the film was great fun", "a bad slow story", "i love this room", "no battery never works", "okay")


@pytest.fixture
def work(tiny_base: Path, tmp_path: Path) -> Work:
    """21 rows of five texts, one of them longer than the maximum length."""
    lines = [f"{TEXTS[row % 5]} {'very ' * (row == 3) * 30}\t{row % 2}" for row in range(21)]
    (tmp_path / "train.tsv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "dev.tsv").write_text("\n".join(lines[:8]), encoding="utf-8")
    files = {"train": str(tmp_path / "train.tsv"), "held": str(tmp_path / "dev.tsv")}
    return Work(base=str(tiny_base), **files, rows=21, epochs=2, batch_size=8, max_length=24)


def test_every_peer_and_ours_see_the_same_rows_and_tokens(work: Work) -> None:
    from tests.benchmarks import engine_ours

    found = {name: run(peers.set_up(work, "cpu")) for name, run in peers.PEERS.items()}
    found["ours"] = engine_ours.train(engine_ours.set_up(work, "cpu"))
    case = replace(CASES["C1"], work=work)
    check_equal(case, {name: one.plain() for name, one in found.items()})
    rows = load_rows(work)
    for one in found.values():
        assert one.sequences == 2 * 21
        assert one.logits.shape == (8, 2)
        assert one.accuracy == np.mean(one.logits.argmax(axis=1) == rows.held_labels)
    tokenizer = peers.set_up(work, "cpu").tokenizer
    whole = sum(min(len(ids), 24) for ids in tokenizer(rows.texts)["input_ids"])
    assert {one.tokens for one in found.values()} == {2 * whole}
    assert found["ours"].truncated >= 1
    assert found["T2"].fill == pytest.approx(whole / (21 * 24))
    assert found["T2"].fill < found["T0"].fill <= 1


def test_held_out_rows_are_scored_in_their_order(work: Work) -> None:
    peer = peers.set_up(work, "cpu")
    logits = peers.logits_of(peer, "fp32")
    peer.rows = Rows(peer.rows.texts, peer.rows.labels, peer.rows.held_texts[::-1], peer.rows.held_labels[::-1])
    assert np.allclose(peers.logits_of(peer, "fp32")[::-1], logits, atol=1e-5)
    assert len(np.unique(logits.round(4), axis=0)) > 3


@pytest.mark.parametrize("header", ["", "label\tsentence\n"])
def test_a_file_is_read_with_either_order_of_columns(header: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.tsv"
    file.write_text(header + ("1\tgood\n0\tbad\n" if header else "good\t1\nbad\t0\n"), encoding="utf-8")
    texts, labels = read_tsv(file)
    assert (texts, labels.tolist()) == (["good", "bad"], [1, 0])


def test_made_up_documents_are_as_long_as_the_case_says() -> None:
    texts, labels = made_up("long", 3000, 1)
    lengths = np.array([len(text.split()) + 2 for text in texts])
    assert lengths.min() >= 24
    assert lengths.max() <= 512
    assert lengths.mean() == pytest.approx(268, abs=8)
    assert made_up("long", 3000, 1)[0] == texts
    assert labels.mean() == pytest.approx(0.5, abs=0.05)


def figures(seconds: float, **changes: Any) -> dict[str, Any]:
    """What one measurement of 100 rows says."""
    same = {"rows": 100, "epochs": 1, "batch_size": 32, "max_length": 256, "sequences": 100, "tokens": 1300, "mark": 7}
    rest = {"seconds": seconds, "seconds_all": 2 * seconds, "accuracy": 0.8, "macro_f1": 0.79, "fill": 0.5}
    return same | rest | {"precision": "fp32", "truncated": 0, "notes": []} | changes


def scripted(seconds: dict[str, list[float]]) -> Any:
    """A stand-in for child processes: each side's seconds, one after the other."""
    turns = {name: iter(values) for name, values in seconds.items()}
    return lambda case, side, seed: figures(next(turns[side.name]))


def test_a_round_whose_baseline_is_off_is_measured_again() -> None:
    case = Case("C1", "t", Work(), (T0, OURS), (Target("times", "ours", 3.5, 4.5, "T0"),))
    once = scripted({"T0": [10, 10.5, 30, 10.2], "ours": [2, 2, 1, 2]})
    record = measure(case, 3, once)
    assert [one["T0"]["seconds"] for one in record["rounds"]] == [10, 10.5, 10.2]
    assert [one["ours"]["seconds"] for one in record["dropped"]] == [1]
    assert record["notes"] == ["1 rounds measured again, for their baseline was off"]


def test_a_machine_that_never_calms_down_is_told_of() -> None:
    case = Case("C1", "t", Work(), (T0,))
    record = measure(case, 2, scripted({"T0": [10, 20, 40, 80, 160]}))
    assert len(record["rounds"]) == len(record["dropped"]) == 2
    assert "still" in record["notes"][-1]


@pytest.mark.parametrize("what", ["tokens", "mark", "batch_size", "sequences"])
def test_unequal_work_is_refused(what: str) -> None:
    with pytest.raises(UnequalWorkError, match=what):
        check_equal(CASES["C1"], {"T0": figures(1), "ours": figures(1, **{what: 5})})


def test_a_side_with_a_default_batch_of_its_own_may_differ_in_that_alone() -> None:
    check_equal(CASES["G2"], {"T0": figures(1, batch_size=8), "T0 at 32": figures(1), "ours": figures(1)})


def test_what_is_missing_is_said_and_the_rest_measured() -> None:
    def once(case: Case, side: Side, seed: int) -> dict[str, Any]:
        if side.engine == "T1":
            raise MissingError("accelerate is missing")
        return figures(1.0)

    record = measure(Case("C1", "t", Work(), (T1, OURS)), 2, once) | {"gpu": False}
    assert [list(one) for one in record["rounds"]] == [["ours"], ["ours"]]
    assert "not measured: accelerate is missing" in engine_report.told("C1", record)


MACHINE = {
    "command": "python -m tests.benchmarks.engine C1",
    "date": "2026-01-02",
    "cpu": "A CPU",
    "cores": 2,
    "gpu": "",
    "versions": {"torch": "2.13.0"},
}


def recorded(seconds: dict[str, list[float]], case: str = "C1") -> dict[str, Any]:
    """A JSON file as a run writes it."""
    record = measure(CASES[case], len(next(iter(seconds.values()))), scripted(seconds))
    return json.loads(json.dumps({"machine": MACHINE, "cases": {case: record}}))


def test_the_page_gets_figures_verdicts_and_what_was_not_measured(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Before\n{engine_report.BEGIN}\nold\n{engine_report.END}\nafter\n", encoding="utf-8")
    file = recorded({"T0": [10, 10, 10], "T1": [5, 5, 5], "ours": [2.5, 2.5, 2.5]})
    none = {"machine": MACHINE, "cases": {"C1": {"not_measured": "no"}, "G1": {"not_measured": "no GPU here"}}}
    engine_report.rewrite(page, [file, none])
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert re.search(r"\| C1 .* ours: \*\*4\*\* times as fast as T0 \| must 3.5, aim 4.5 \| met \|", text)
    assert re.search(r"\| C1 .* ours: \*\*2\*\* times as fast as T1 \| must 1.4, aim 1.8 \| aim met \|", text)
    assert re.search(r"\| G1 .*not measured: no GPU here", text)
    assert "A CPU, 2 cores; torch 2.13.0" in text
    assert "1300 tokens each" in text
    engine_report.rewrite(page, [file, none])
    assert page.read_text(encoding="utf-8") == text


def test_a_missed_target_is_called_missed() -> None:
    record = recorded({"T0": [10, 10], "T1": [5, 5], "ours": [4, 4]})["cases"]["C1"]
    told = engine_report.told("C1", record)
    assert "ours: 2.5 times as fast as T0; must 3.5, aim 4.5: missed" in told
    assert Target("seconds", "ours", 3, 1).verdict(2) == "met"
    assert Target("seconds", "ours", 3, 1).verdict(4) == "missed"


def test_the_page_of_the_project_has_the_markers() -> None:
    text = (Path(__file__).parents[2] / "docs" / "performance.md").read_text(encoding="utf-8")
    assert text.index(engine_report.BEGIN) < text.index(engine_report.END)


def test_the_ablation_switches_one_technique_off_at_a_time() -> None:
    from tests.benchmarks.engine_cases import with_switches

    sides = with_switches(CASES["ablation"], ("one", "two")).sides
    assert [side.options for side in sides] == [{}, {"switches": {"one": False}}, {"switches": {"two": False}}]


def test_no_path_of_this_machine_reaches_the_command(tmp_path: Path) -> None:
    import argparse

    given = argparse.Namespace(minute=True, rows=5, repeat=2, data_folder=tmp_path, data=None, base=None)
    assert str(tmp_path) not in engine.command_of(["C1"], given)
    assert engine.command_of(["C1"], given).endswith("C1 --minute --rows 5 --repeat 2 --data-folder FOLDER")
