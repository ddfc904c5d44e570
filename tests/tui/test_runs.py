from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core.config import RunConfig
from core.errors import RunError
from core.runs import Run, RunState, RunStore, Summary
from core.runs import index as index_file
from core.runs.atomic import commit_dir
from core.runs.checkpoints import checkpoints_path, place_of
from core.runs.ranking import best_names
from core.training import events as e
from tests.tui.bench import bench, shown, until
from tests.tui.conftest import painted
from tests.tui.fake_run import Shape, finished_run, metrics, partial_run
from tui.messages import RunsChanged
from tui.screens.modals import ErrorDialog
from tui.screens.run_detail import ReportRead, RunDetail
from tui.widgets.chart import LineChart
from tui.widgets.confusion import ConfusionTable
from tui.widgets.run_list import SHARE, Order, RunIndex, shown_columns
from tui.widgets.run_report import class_table, headline, read_report
from tui.widgets.run_table import RunTable


def table(pilot: Pilot[None]) -> RunTable:
    return pilot.app.screen.query_one(RunTable)


def names(pilot: Pilot[None]) -> list[str]:
    """The runs in the table, from top to bottom."""
    found = pilot.app.screen.query(RunTable)
    return [str(row.key.value) for row in found.first().ordered_rows] if found else []


def three(store: RunStore) -> None:
    for name, quality in (("calm-heron", 0.7), ("brisk-otter", 0.92), ("wise-wren", 0.8)):
        finished_run(store, name, shape=Shape(quality=quality))


async def test_runs_are_sorted_and_starred_by_validation_and_other_columns_on_request(store: RunStore) -> None:
    three(store)
    async with bench(store, "runs").run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: names(pilot) == ["brisk-otter", "wise-wren", "calm-heron"])
        rows = [[cell.plain for cell in table(pilot).get_row_at(at)] for at in range(3)]
        assert rows[0][0] == "★✓ brisk-otter"
        assert rows[1][0] == " ✓ wise-wren"
        assert ".907" in rows[0]
        assert f"3 runs in {store.root}"[:30] in shown(pilot)
        table(pilot).post_message(RunTable.Ordered(Order("name", False)))
        await until(pilot, lambda: names(pilot) == ["brisk-otter", "calm-heron", "wise-wren"])
        await pilot.press("less_than_sign")
        await until(pilot, lambda: table(pilot).order.key == "tags")
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: table(pilot).order.key == "name")


async def test_a_click_on_a_title_sorts_and_a_second_one_turns_it_round(store: RunStore) -> None:
    three(store)
    async with bench(store, "runs").run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 3 and table(pilot).region.y > 1)
        await pilot.click(RunTable, offset=(3, 0))
        await until(pilot, lambda: names(pilot) == ["brisk-otter", "calm-heron", "wise-wren"])
        await pilot.click(RunTable, offset=(3, 0))
        await until(pilot, lambda: names(pilot) == ["wise-wren", "calm-heron", "brisk-otter"])


async def test_the_cursor_stays_on_its_run_when_the_order_changes(store: RunStore) -> None:
    three(store)
    async with bench(store, "runs").run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 3)
        await pilot.press("G")
        assert table(pilot).current == "calm-heron"
        table(pilot).post_message(RunTable.Ordered(Order("name", False)))
        await until(pilot, lambda: names(pilot)[1] == "calm-heron")
        assert table(pilot).current == "calm-heron"


async def test_filtering_by_words_and_dropping_the_filter(store: RunStore) -> None:
    three(store)
    async with bench(store, "runs").run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 3)
        await pilot.press("slash", *"wren")
        await until(pilot, lambda: names(pilot) == ["wise-wren"])
        assert "1 of 3 runs" in shown(pilot)
        await pilot.press("enter")
        assert pilot.app.focused is table(pilot)
        await pilot.press("slash", *"zzz")
        await until(pilot, lambda: "No run is like that" in shown(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: len(names(pilot)) == 3)
        assert pilot.app.focused is table(pilot)
        assert not pilot.app.screen.query_one("#filter", Input).display


async def test_deleting_moves_to_the_trash_and_u_brings_back(store: RunStore) -> None:
    three(store)
    async with bench(store, "runs").run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 3)
        await pilot.press("d")
        await until(pilot, lambda: names(pilot) == ["wise-wren", "calm-heron"])
        assert not (store.root / "brisk-otter").exists()
        await pilot.press("d")
        await until(pilot, lambda: names(pilot) == ["calm-heron"])
        await pilot.press("u")
        await until(pilot, lambda: names(pilot) == ["wise-wren", "calm-heron"])
        await pilot.press("u")
        await until(pilot, lambda: len(names(pilot)) == 3)
        assert store.open("brisk-otter").state() is RunState.FINISHED
        assert table(pilot).current == "brisk-otter"
        await pilot.press("down", "d")
        await until(pilot, lambda: names(pilot) == ["brisk-otter", "calm-heron"])
        await pilot.press("up", "u")
        await until(pilot, lambda: len(names(pilot)) == 3)
        assert table(pilot).current == "wise-wren", "the cursor is on what came back"


async def test_a_run_that_trains_is_not_deleted_and_s_stops_it(store: RunStore) -> None:
    run = partial_run(store, "brisk-otter", steps=60)
    with run.lock():
        async with bench(store, "runs").run_test(size=(100, 30)) as pilot:
            await pilot.press("4")
            await until(pilot, lambda: names(pilot) == ["brisk-otter"])
            await pilot.press("d")
            await until(pilot, lambda: isinstance(pilot.app.screen, ErrorDialog))
            await pilot.press("escape")
            await until(pilot, lambda: bool(pilot.app.screen.query(RunTable)))
            await pilot.press("s")
            assert json.loads(run.control_path.read_text())["ask"] == "stop"
            run.record(e.RunFinished("stopped by a person", True, 12.0))
            run.close()
            await until(pilot, lambda: "stopped" in [cell.plain for cell in table(pilot).get_row_at(0)])


def paused(store: RunStore, name: str) -> Run:
    """A run that has left at step 118 and can go on."""
    run = partial_run(store, name, steps=118)
    checkpoints_path(run.path).mkdir()
    with commit_dir(place_of(run.path, 118)) as folder:
        (folder / "progress.json").write_text("{}")
    run.record(e.RunPaused(118))
    run.close()
    return run


async def test_r_goes_on_with_the_run_under_the_cursor_and_shows_it(store: RunStore, launched: list[str]) -> None:
    paused(store, "brisk-otter")
    app = bench(store, "runs")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: names(pilot) == ["brisk-otter"])
        footer = painted(app).splitlines()[-1]
        assert ("Resume" in footer, "Stop & save" in footer, "Delete" in footer) == (True, True, True)
        await pilot.press("r")
        await until(pilot, lambda: app.current_mode == "train" and "waiting for the trainer" in shown(pilot))
        assert launched == ["brisk-otter"]


async def test_an_opened_run_says_where_it_stands_and_r_goes_on(store: RunStore, launched: list[str]) -> None:
    run = paused(store, "brisk-otter")
    app = bench(store, "runs")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: names(pilot) == ["brisk-otter"])
        await pilot.press("enter")
        await until(pilot, lambda: "paused at step 118 of 236 · r goes on." in shown(pilot))
        assert "Resume" in painted(app).splitlines()[-1]
        await pilot.press("r")
        await until(pilot, lambda: app.current_mode == "train")
        with run.lock():
            run.record(e.RunStarted(1, "box", ""))
            run.record(e.RunResumed(118, False, "threads 1, was 2"))
            await pilot.press("4")
            await until(pilot, lambda: "3 follows it live" in shown(pilot))
            assert "continued from step 118 of 236, not exact: threads 1, was 2" not in shown(pilot)
            run.record(e.RunPaused(118))
            run.close()
        await until(pilot, lambda: "resumed from step 118 of 236" in shown(pilot))
        assert "continued from step 118 of 236, not exact: threads 1, was 2" in shown(pilot)


async def test_s_scores_and_saves_a_run_that_was_left(store: RunStore, launched: list[str]) -> None:
    run = paused(store, "brisk-otter")
    async with bench(store, "runs").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: names(pilot) == ["brisk-otter"])
        await pilot.press("s")
        await until(pilot, lambda: launched == ["brisk-otter"] and run.control_path.exists())
        assert json.loads(run.control_path.read_text())["ask"] == "stop"


async def test_keys_in_the_table_are_those_that_the_run_allows(store: RunStore) -> None:
    """A run without a model is not trained for more epochs, one without a checkpoint is not scored as it was left."""
    for name in ("a-bare", "b-kept", "c-failed", "d-left"):
        run = partial_run(store, name, steps=2)
        if name == "b-kept":
            with commit_dir(run.model_path) as folder:
                (folder / "config.json").write_text("{}")
        if name == "d-left":
            checkpoints_path(run.path).mkdir()
            with commit_dir(place_of(run.path, 2)) as folder:
                (folder / "progress.json").write_text("{}")
        failed = e.RunFailed("DataError", "The file is gone", "", "")
        run.record(failed if name[0] in "cd" else e.RunFinished("stopped now by a person", True, 1.0))
        run.close()
    app = bench(store, "runs")
    offers = {}
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 4)
        for name in names(pilot):
            await until(pilot, lambda name=name: table(pilot).current == name)  # type: ignore[misc]
            await pilot.pause()
            footer = painted(app).splitlines()[-1]
            offers[name] = tuple(word for word in ("More epochs", "Resume", "Stop & save") if word in footer)
            await pilot.press("down")
    assert offers == {
        "a-bare": (),
        "b-kept": ("More epochs",),
        "c-failed": ("Resume",),
        "d-left": ("Resume", "Stop & save"),
    }


def test_a_run_that_somebody_went_on_with_is_read_again(store: RunStore) -> None:
    run = paused(store, "brisk-otter")
    done = finished_run(store, "calm-heron")
    index = RunIndex(store)
    [first] = index.read(everything=True)
    assert first["brisk-otter"].state is RunState.PAUSED
    (done.path / "metrics.json").write_text("{ damaged meanwhile")
    with run.lock():
        run.record(e.RunStarted(1, "box", ""))
        run.close()
        [now] = index.read(everything=False)
        assert now["brisk-otter"].state is RunState.RUNNING
        assert not now["calm-heron"].problem, "a complete run is not looked at each time"
        index_reads = [index.read(everything=False) for _ in range(SHARE)]
        assert any(found["calm-heron"].problem for reads in index_reads for found in reads)


async def test_a_child_says_after_which_run_it_came(store: RunStore) -> None:
    three(store)
    (store.root / "wise-wren" / "notes.toml").write_text('parent = "calm-heron"\n')
    async with bench(store, "runs").run_test(size=(140, 30)) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 3)
        await until(pilot, lambda: "after calm-heron" in painted(pilot.app))
        await pilot.press("j", "enter")
        await until(pilot, lambda: "after calm-heron, with whose weights it began" in shown(pilot))


async def test_a_run_that_appears_is_listed(store: RunStore) -> None:
    three(store)
    async with bench(store, "runs").run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 3)
        finished_run(store, "new-newt", shape=Shape(quality=0.99))
        pilot.app.screen.post_message(RunsChanged())
        await until(pilot, lambda: names(pilot)[:1] == ["new-newt"])
        shutil.rmtree(store.root / "calm-heron")
        pilot.app.screen.post_message(RunsChanged())
        await until(pilot, lambda: "calm-heron" not in names(pilot))


async def test_an_empty_list_names_the_folder_and_what_to_press(store: RunStore) -> None:
    async with bench(store, "runs").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "No runs yet." in shown(pilot))
        text = shown(pilot)
        assert "Looked in" in text
        assert "(--runs)" in text
        assert "ctrl+r" in text


async def test_enter_opens_a_run_with_curves_classes_confusions_and_settings(store: RunStore) -> None:
    config = RunConfig().with_value("training.epochs", 6)
    finished_run(store, "brisk-otter", config=config)
    app = bench(store, "runs")
    async with app.run_test(size=(120, 60)) as pilot:
        await until(pilot, lambda: names(pilot) == ["brisk-otter"])
        await pilot.press("enter")
        await until(pilot, lambda: "settings" in shown(pilot) or "epochs 6 (default 4)" in shown(pilot))
        assert app.run_name == "brisk-otter", "Train and Try use what was opened"
        text = shown(pilot)
        assert "validation: macro F1 .887" in text
        assert "test: macro F1 .867" in text
        assert "scored by 3 runs" in text
        assert "epochs 6 (default 4)" in text
        assert str(store.root / "brisk-otter") in text
        assert "neutral" in text
        await until(pilot, lambda: "★" in app.screen.query_one("#f1-chart", LineChart).text)
        matrix = app.screen.query_one(ConfusionTable)
        assert matrix.row_count == 3
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, RunDetail))
        assert app.focused is table(pilot)


async def test_5_on_a_row_goes_to_try_with_that_run(store: RunStore) -> None:
    three(store)
    app = bench(store, "runs")
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 3)
        await pilot.press("j", "5")
        await until(pilot, lambda: app.current_mode == "try")
        assert app.asked_run == "wise-wren"
        assert app.run_name == "", "Train goes on with its own"


async def test_a_run_deleted_under_the_open_screen_is_an_error_with_a_next_step(store: RunStore) -> None:
    three(store)
    async with bench(store, "runs").run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 3)
        shutil.rmtree(store.root / table(pilot).current)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorDialog))
        await pilot.press("escape")
        await until(pilot, lambda: len(names(pilot)) == 2)


async def test_a_run_that_turns_out_gone_while_one_is_elsewhere_is_told_on_return(store: RunStore) -> None:
    three(store)
    app = bench(store, "runs")
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 3)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunDetail))
        detail = app.screen
        await pilot.press("1")
        await until(pilot, lambda: app.current_mode == "data")
        detail.post_message(ReportRead(None, RunError("brisk-otter is gone")))
        await pilot.pause(0.1)
        assert app.current_mode == "data"
        assert not isinstance(app.screen, ErrorDialog)
        await pilot.press("4")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        await pilot.press("escape")
        await until(pilot, lambda: bool(app.screen.query(RunTable)))


async def test_an_opened_live_run_shows_its_end_by_itself(store: RunStore) -> None:
    run = partial_run(store, "brisk-otter", steps=118)
    with run.lock():
        app = bench(store, "runs")
        async with app.run_test(size=(120, 60)) as pilot:
            await pilot.press("4")
            await until(pilot, lambda: names(pilot) == ["brisk-otter"])
            await pilot.press("enter")
            await until(pilot, lambda: "3 follows it live" in shown(pilot))
            assert "negative" in shown(pilot)
            assert "precision" not in shown(pilot), "unknown while it trains"
            (run.path / "metrics.json").write_text(json.dumps(metrics(Shape())))
            run.record(e.RunFinished("all epochs", False, 12.0))
            run.close()
            await until(pilot, lambda: "precision" in shown(pilot))
            assert "3 follows it live" not in shown(pilot)


async def test_hostile_names_and_damaged_runs_are_listed_as_text(store: RunStore) -> None:
    config = RunConfig().with_value("data.source", "/tmp/[red]\x1b[2J\u202eevil[b].csv")
    finished_run(store, "evil", config=config, shape=Shape(names=("[/b]", "\x1b]52;c;A\x07", "日本語のラベル")))
    (finished_run(store, "damaged").path / "metrics.json").write_text("{ nonsense")
    (store.create(RunConfig(), "worse").path / "run.toml").write_text("= [")
    (store.root / "evil" / "notes.toml").write_text('tags = ["[/x]", "\\u001b[31m"]')
    async with bench(store, "runs").run_test(size=(160, 30)) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: len(names(pilot)) == 3)
        cells = [cell.plain for at in range(3) for cell in table(pilot).get_row_at(at)]
        assert any("[red]" in cell for cell in cells)
        assert not any(ord(one) < 32 or one in "\x9b\u202e" for cell in cells for one in cell)
        assert cells.count("damaged") == 2, "a damaged run says so"
        for name in ("evil", "damaged", "worse"):
            table(pilot).move_cursor(row=names(pilot).index(name))
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, RunDetail) and "reading" not in shown(pilot))
            assert not any(ord(one) < 32 and one != "\n" for one in shown(pilot))
            await pilot.press("escape")
            await until(pilot, lambda: bool(pilot.app.screen.query(RunTable)))


# Without a screen


def test_a_run_that_cannot_be_read_is_listed_with_its_problem(store: RunStore) -> None:
    three(store)
    log = store.root / "brisk-otter" / "events.jsonl"
    (store.root / "brisk-otter" / "metrics.json").unlink()
    log.unlink()
    log.mkdir()
    *_, found = RunIndex(store).read(everything=True)
    assert set(found) == {"calm-heron", "brisk-otter", "wise-wren"}
    assert found["brisk-otter"].problem
    assert not found["wise-wren"].problem


def test_only_live_and_changed_runs_are_read_again(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_file, "SETTLED", -1.0)  # as if they had lain there for a while
    three(store)
    run = partial_run(store, "live-one", steps=60)
    index = RunIndex(store)
    with run.lock():
        *_, first = index.read(everything=True)
        assert set(first) == {"calm-heron", "brisk-otter", "wise-wren", "live-one"}
        before = first["live-one"].macro_f1
        (store.root / "calm-heron" / "metrics.json").write_text("{ damaged meanwhile")
        run.record(e.EvalFinished(118, 2.0, True, e.Scores(10, 1.0, 1.0, 1.0, (1.0, 1.0, 1.0)), 0.1))
        run.record(e.ModelSaved(118, 2.0, "macro_f1", 1.0))
        *_, second = index.read(everything=True)
        assert second["calm-heron"].problem
        assert second["wise-wren"] is first["wise-wren"], "what has not changed is not read again"
        assert (before, second["live-one"].macro_f1) != (1.0, before)
        assert second["live-one"].macro_f1 == 1.0
    run.close()


def test_what_is_read_comes_in_portions(store: RunStore) -> None:
    three(store)
    sizes = [len(portion) for portion in RunIndex(store).read(everything=True, portion=1)]
    assert sizes == [1, 2, 3, 3]


def _summary(name: str, data: str, macro: float | None) -> Summary:
    return Summary(name, Path(name), RunState.FINISHED, 0.0, 83.0, data, "starter", macro, macro, "neutral", macro, ())


def test_the_best_of_each_data_set_is_starred() -> None:
    rows = [_summary("a", "x", 0.5), _summary("b", "x", 0.7), _summary("c", "y", 0.4), _summary("d", "y", None)]
    assert best_names(rows) == {"b", "c"}
    assert [row.name for row in Order().apply(rows)] == ["b", "a", "c", "d"]


@pytest.mark.parametrize("width", [40, 78, 118, 198])
def test_columns_give_way_to_the_width_but_name_and_score_stay(width: int) -> None:
    rows = [_summary("brisk-otter", "smile-annotations-final.csv", 0.5)]
    columns = shown_columns(rows, width)
    assert sum(columns.values()) + 2 * len(columns) <= width
    assert next(iter(columns)) == "name"
    assert "f1" in columns


def test_a_report_survives_whatever_metrics_json_holds(store: RunStore) -> None:
    run = finished_run(store, "brisk-otter")
    damages = (
        "[]",
        "{}",
        "nonsense",
        '{"validation": 3}',
        '{"validation": {"class_f1": [1]}, "label_names": 7}',
        '{"validation": {"class_f1": {"a": null}, "confusion": [[1]]}, "label_names": ["a", "b"]}',
    )
    for damage in damages:
        (run.path / "metrics.json").write_text(damage)
        report = read_report(run)
        assert headline(report, 80)
        class_table(report.classes, 80)


def test_only_settings_that_are_not_at_their_default_are_listed(store: RunStore) -> None:
    config = RunConfig().with_value("training.epochs", 6).with_value("data.source", "/x.csv")
    config = config.with_value("data.cures", ("drop-duplicates",))
    assert [(one.path, one.value, one.default) for one in read_report(store.create(config)).differences] == [
        ("data.cures", "drop-duplicates", "none"),
        ("training.epochs", "6", "4"),
    ]


def test_a_run_folder_that_is_none_gives_a_report_with_its_problem(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert read_report(Run(tmp_path / "empty")).problem


async def test_a_notable_cell_of_the_confusion_matrix_is_never_cut() -> None:
    from textual.app import App, ComposeResult

    from tests.tui.bench import until
    from tui.widgets.run_report import Confusion

    class One(App[None]):
        def compose(self) -> ComposeResult:
            yield ConfusionTable()

    async with One().run_test(size=(80, 12)) as pilot:
        found = pilot.app.query_one(ConfusionTable)
        found.show(Confusion(("negative", "neutral", "positive"), ((67, 10, 25), (3, 47, 1), (25, 4, 73))), 78)

        def drawn() -> str:
            strips = pilot.app.screen._compositor.render_strips()
            return "\n".join("".join(segment.text for segment in strip) for strip in strips)

        await until(pilot, lambda: "! 25  25 %" in drawn())
