"""Comparing runs in the screen: marks in the table, what is said of two and of many, the rows, the common test."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from core.runs import RunStore
from core.runs.groups import add_member
from tests.core.compared import scored_run, sheet, split_of
from tests.tui.bench import bench, shown, until
from tests.tui.conftest import painted
from tui.compared import sides_of
from tui.engine import Engine
from tui.messages import RunsChanged
from tui.screens.changed_rows import ChangedRows, ChangeList
from tui.screens.compare import CompareRoom
from tui.screens.compare_export import problem_with
from tui.screens.modals import Question, TextDialog
from tui.widgets.door_list import DoorList
from tui.widgets.run_table import RunTable

DATA = sheet(240)
SPLIT = split_of(DATA, validation=60, test=60)
HOSTILE = "[/b]\x1b[31m"


def two(store: RunStore) -> None:
    """`worse` and `better`, which differ in their learning rate and by far in what they get right."""
    scored_run(store, "worse", DATA, SPLIT, right=0.5, chance=1)
    scored_run(store, "better", DATA, SPLIT, right=0.95, chance=2, training__learning_rate=3e-5)


async def table_of(pilot: Pilot[None], count: int) -> RunTable:
    await until(pilot, lambda: any(one.row_count == count for one in pilot.app.screen.query(RunTable)))
    return pilot.app.screen.query_one(RunTable)


async def compare(pilot: Pilot[None], names: list[str], count: int) -> None:
    """Mark these in the table, press `c` and wait for what comes."""
    table = await table_of(pilot, count)
    for name in names:
        at = next(at for at, row in enumerate(table.ordered_rows) if row.key.value == name)
        table.move_cursor(row=at)
        await pilot.press("space")
    await until(pilot, lambda: table.marked == names)
    await pilot.press("c")
    await until(pilot, lambda: isinstance(pilot.app.screen, CompareRoom) and not is_asking(pilot))


def is_asking(pilot: Pilot[None]) -> bool:
    return "esc cancels" in shown(pilot) or not pilot.app.screen.query(DoorList) or not shown(pilot).strip()


async def doors_of(pilot: Pilot[None]) -> str:
    """The lines that lead on, as soon as they are laid out."""
    await until(pilot, lambda: bool(doors(pilot)))
    return doors(pilot)


def doors(pilot: Pilot[None]) -> str:
    return pilot.app.screen.query_one(DoorList).text


async def test_space_marks_and_the_mark_is_read_without_colour(store: RunStore) -> None:
    two(store)
    async with bench(store, "runs").run_test(size=(80, 24)) as pilot:
        table = await table_of(pilot, 2)
        assert table.get_row_at(0)[0].plain == "★✓ better"
        await pilot.press("space")
        await until(pilot, lambda: "2 runs, 1 marked" in shown(pilot))
        assert [table.get_row_at(at)[0].plain for at in range(2)] == ["[x] ★✓ better", "[ ]  ✓ worse"]
        assert "Compare" in painted(pilot.app).splitlines()[-1]
        await pilot.press("space")
        await until(pilot, lambda: "marked" not in shown(pilot))
        assert table.get_row_at(0)[0].plain == "★✓ better"


async def test_without_a_mark_c_says_what_to_do(store: RunStore) -> None:
    two(store)
    async with bench(store, "runs").run_test(size=(80, 24), notifications=True) as pilot:
        await table_of(pilot, 2)
        await pilot.press("c")
        await until(pilot, lambda: "Mark runs with space" in painted(pilot.app))
        await pilot.press("space", "c")
        await until(pilot, lambda: "Move to another run" in painted(pilot.app))
        assert not isinstance(pilot.app.screen, CompareRoom)


async def test_a_mark_goes_with_its_run(store: RunStore) -> None:
    two(store)
    async with bench(store, "runs").run_test(size=(80, 24)) as pilot:
        table = await table_of(pilot, 2)
        await pilot.press("space", "d")
        await until(pilot, lambda: table.row_count == 1)
        assert table.marked == []


async def test_two_runs_verdict_first_then_scores_curves_and_what_differs(store: RunStore) -> None:
    two(store)
    async with bench(store, "runs").run_test(size=(80, 40)) as pilot:
        table = await table_of(pilot, 2)
        table.move_cursor(row=1)
        await pilot.press("space", "up", "c")  # one is marked, the other under the cursor
        await until(pilot, lambda: "These two models differ on these rows." in shown(pilot))
        told = shown(pilot)
        assert "2 runs on 60 validation rows" in told
        assert "scored by" not in told
        assert told.index("These two models differ") < told.index("A ──  worse") < told.index("B ┈┈  better")
        assert "─A─" in told
        assert "┈B┈" in told
        assert "2 epochs" in told
        assert "training.learning_rate" in told
        assert "training.epochs" not in told
        assert "B less A" in told
        assert "p < .001, McNemar" in told
        fixed, broken = (int(line.split()[1]) for line in (await doors_of(pilot)).splitlines())
        assert fixed > 15
        assert broken < 5
        ends = [line for line in told.splitlines() if line.startswith((".", "1", "0")) and ("A" in line or "B" in line)]
        assert ends, "each curve ends in its letter"
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, CompareRoom))


async def test_the_test_part_says_how_often_it_was_used_and_rows_of_it_are_asked_for(store: RunStore) -> None:
    two(store)
    async with bench(store, "runs").run_test(size=(100, 30)) as pilot:
        await compare(pilot, ["worse", "better"], 2)
        await pilot.press("P")
        await until(pilot, lambda: "60 test rows · scored by 2 runs, looked at for 0 runs" in shown(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        assert not (store.root / "worse" / "looked.jsonl").exists()
        await pilot.press("enter")  # stays
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareRoom))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await pilot.press("right", "enter")
        await until(pilot, lambda: "test rows · only B is right" in shown(pilot))
        assert (store.root / "worse" / "looked.jsonl").exists()
        await pilot.press("escape", "P")
        await until(pilot, lambda: "60 validation rows" in shown(pilot))


async def test_fixed_and_broken_rows_are_read_whole(store: RunStore) -> None:
    two(store)
    async with bench(store, "runs").run_test(size=(100, 30)) as pilot:
        await compare(pilot, ["worse", "better"], 2)
        fixed = int((await doors_of(pilot)).split()[1])
        await pilot.press("enter")
        await until(pilot, lambda: f"fixed · {fixed} of 60 validation rows · only B is right" in shown(pilot))
        rows = pilot.app.screen.query_one(ChangeList)
        assert rows.total == fixed
        first = shown(pilot)
        assert "✗ A said" in first
        assert "✓ B said" in first
        await pilot.press("j")
        await until(pilot, lambda: shown(pilot) != first)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TextDialog))
        await pilot.press("escape", "space")
        await until(pilot, lambda: "broken · " in shown(pilot) and "only A is right" in shown(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, ChangedRows))


async def test_of_many_the_best_against_each_and_all_pairs_on_demand(store: RunStore) -> None:
    for at, right in enumerate((0.5, 0.6, 0.7, 0.95)):
        scored_run(store, f"run-{at}", DATA, SPLIT, right=right, chance=at, training__epochs=at + 1)
    async with bench(store, "runs").run_test(size=(80, 40)) as pilot:
        await compare(pilot, [f"run-{at}" for at in range(4)], 4)
        assert "D has the highest macro F1." in shown(pilot)
        assert "training.epochs  1: A · 2: B · 3: C · 4: D" in shown(pilot)
        assert [line.split()[:3] for line in (await doors_of(pilot)).splitlines()[1:4]] == [
            ["D", "−", one] for one in "ABC"
        ]
        assert "all 6 pairs" in doors(pilot)
        await pilot.press("G", "enter")
        await until(pilot, lambda: "B − A" in doors(pilot))
        assert sum(" − " in line for line in doors(pilot).splitlines()) == 6
        await pilot.press("g", "enter")
        await until(pilot, lambda: "2 runs on 60 validation rows" in shown(pilot) and "fixed" in doors(pilot))
        assert "run-1" in shown(pilot)
        assert "run-3" not in shown(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: "4 runs on 60 validation rows" in shown(pilot))


async def test_seeds_of_a_setting_are_one_line(store: RunStore) -> None:
    names = []
    for letter, right in (("a", 0.55), ("b", 0.95)):
        for seed in (1, 2, 3):
            names.append(f"{letter}{seed}")
            rate = 1e-4 if letter == "a" else 3e-5
            given: dict[str, Any] = {"training__learning_rate": rate, "chance": ord(letter) + seed}
            scored_run(store, names[-1], DATA, SPLIT, right=right, seed=seed, **given)
    async with bench(store, "runs").run_test(size=(80, 40)) as pilot:
        await compare(pilot, names, 6)
        told = shown(pilot)
        assert "6 runs in 2 settings" in told
        assert "Setting B scores higher in macro F1 over 3 seeds." in told
        lines = [line for line in told.splitlines() if " seeds: " in line]
        assert [line[0] for line in lines] == ["A", "B"]
        assert all(line.count("±") == 3 for line in lines)
        assert "setting B less A" in told
        assert (await doors_of(pilot)).strip() == "all 15 pairs of single models"
        await pilot.press("enter")
        await until(pilot, lambda: "B3 − A1" in doors(pilot))


async def test_runs_of_other_rows_are_refused_and_compared_on_the_common_test(store: RunStore) -> None:
    scored_run(store, "one", DATA, SPLIT, chance=1)
    other = sheet(240, seed=7, source="other.csv")
    scored_run(store, "two", other, split_of(other, validation=60, test=60), chance=2)
    async with bench(store, "runs").run_test(size=(80, 24)) as pilot:
        await compare(pilot, ["one", "two"], 2)
        assert "These runs were not scored on the same validation rows" in shown(pilot)
        assert "data.source" in shown(pilot)
        assert "finetui" not in shown(pilot)
        await until(pilot, lambda: "compare on the common test: " in doors(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await until(
            pilot, lambda: "put to the models: one 60, two 60" in " ".join(painted(pilot.app).replace("│", "").split())
        )
        assert not (store.root / "one" / "looked.jsonl").exists()
        await pilot.press("right", "enter")  # there is no model in these folders: that is said, and nothing is lost
        await until(pilot, lambda: "model" in shown(pilot) and "on common test" in shown(pilot))
        await pilot.press("P")
        await until(pilot, lambda: "not scored on the same validation rows" in shown(pilot))


async def test_the_common_test_is_shown_where_all_have_answered(store: RunStore) -> None:
    """The other run has the same test rows but other validation rows: no model needs to be asked."""
    shifted = replace(SPLIT, validation=SPLIT.validation[:40])
    scored_run(store, "one", DATA, SPLIT, chance=1)
    scored_run(store, "two", DATA, shifted, chance=2)
    async with bench(store, "runs").run_test(size=(80, 24)) as pilot:
        await compare(pilot, ["one", "two"], 2)
        await until(pilot, lambda: "compare on the common test: 60 rows" in doors(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await pilot.press("right", "enter")
        await until(pilot, lambda: "2 runs on 60 common test rows" in shown(pilot))
        assert (store.root / "one" / "looked.jsonl").exists()
        await pilot.press("enter")
        await until(pilot, lambda: "common test rows · only B is right" in shown(pilot))


CHILD = """
import sys, threading
from core.protocol import serve
def compare(request, progress):
    progress(3, 10, "asking one")
    threading.Event().wait()
serve({"compare": compare})
"""


async def test_progress_is_shown_and_esc_ends_the_child(store: RunStore) -> None:
    two(store)
    app = bench(store, "runs")
    app.engine = Engine(lambda arguments: [sys.executable, "-c", CHILD])
    async with app.run_test(size=(80, 24)) as pilot:
        await table_of(pilot, 2)
        await pilot.press("space", "down", "c")
        await until(pilot, lambda: "validation: asking one: 3 of 10 texts · esc cancels" in shown(pilot))
        assert app.engine.lives("judge")
        await pilot.press("escape")
        await until(pilot, lambda: bool(app.screen.query(RunTable)))
        assert not app.engine.lives("judge")


@pytest.mark.parametrize(
    ("ending", "check"),
    [
        (".json", lambda text: json.loads(text)["parts"][0]["part"] == "validation"),
        (".csv", lambda text: text.startswith("table,part,run,against")),
        (".md", lambda text: text.startswith("# Comparison of worse, better")),
    ],
)
async def test_export_writes_the_form_that_the_name_says(
    store: RunStore, tmp_path: Path, ending: str, check: Callable[[str], bool]
) -> None:
    two(store)
    path = tmp_path / f"out{ending}"
    path.write_text("mine")
    async with bench(store, "runs").run_test(size=(100, 30)) as pilot:
        await compare(pilot, ["worse", "better"], 2)
        await export_to(pilot, path)
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await pilot.press("enter")  # keeps it
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareRoom))
        assert path.read_text() == "mine"
        await export_to(pilot, path)
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await pilot.press("right", "enter")
        await until(pilot, lambda: path.read_text() != "mine")
        assert check(path.read_text())


async def export_to(pilot: Pilot[None], path: Path) -> None:
    from textual.widgets import Input

    await pilot.press("e")
    await until(pilot, lambda: bool(pilot.app.screen.query("#line")))
    pilot.app.screen.query_one("#line", Input).value = str(path)
    await pilot.press("enter")


def test_a_file_to_write_to_is_checked_while_it_is_named(tmp_path: Path) -> None:
    assert problem_with("")
    assert problem_with("out.xlsx")
    assert "no folder" in problem_with(str(tmp_path / "nowhere" / "out.md"))
    (tmp_path / "folder.md").mkdir()
    assert problem_with(str(tmp_path / "folder.md")) == "this is a folder"
    assert problem_with(str(tmp_path / "out.CSV")) == ""


def test_groups_keep_their_letters_and_lone_runs_follow() -> None:
    sides = sides_of(4, [("A", (0, 2))])
    assert [(one.letter, one.members) for one in sides] == [("A", (0, 2)), ("B", (1,)), ("C", (3,))]
    assert [one.letter for one in sides_of(3, [("A", (0, 1, 2))])] == ["A", "B", "C"], "seeds alone stand side by side"


async def test_hostile_names_act_on_nothing(store: RunStore) -> None:
    odd = sheet(240, ("plain", HOSTILE, "[red]"))
    for at, name in enumerate(("one", "two")):
        scored_run(
            store,
            name,
            odd,
            split_of(odd, validation=60, test=60),
            right=0.6,
            chance=at,
            data__text=(HOSTILE,) * (at + 1),
        )
    async with bench(store, "runs").run_test(size=(100, 40)) as pilot:
        await compare(pilot, ["one", "two"], 2)
        assert "data.text" in shown(pilot)
        await doors_of(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "only B is right" in shown(pilot) and "it is" in shown(pilot))
        assert "\x1b" not in painted(pilot.app)


async def test_the_group_of_a_run_is_seen_in_a_wide_table(store: RunStore) -> None:
    two(store)
    async with bench(store, "runs").run_test(size=(160, 30)) as pilot:
        await table_of(pilot, 2)
        assert "in seeds-of-smile" not in painted(pilot.app)
        add_member(store.open("worse"), "seeds-of-smile", 0, "seed 1", {})
        pilot.app.screen.post_message(RunsChanged())
        await until(pilot, lambda: "in seeds-of-smile" in painted(pilot.app))
