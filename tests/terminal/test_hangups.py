"""Three lost lines; `make faults` loses fifty."""

from __future__ import annotations

from pathlib import Path

from tests.faults import hangups


def test_a_run_and_its_history_outlive_three_lost_lines(tmp_path: Path) -> None:
    score = hangups.run(3, tmp_path, limit=60)
    assert (score.tries, score.invalid, score.lost) == (3, 0, 0), score.note
