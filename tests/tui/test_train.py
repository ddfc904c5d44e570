from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.config import RunConfig
from core.runs import History, Record, Run, RunState, RunStore
from core.runs.atomic import commit_dir
from core.runs.checkpoints import NOT_WRITTEN, checkpoints_path, place_of
from core.runs.resume import STUCK
from core.training import events as e
from tests.tui.bench import bench, shown, until
from tests.tui.conftest import painted
from tests.tui.fake_run import Shape, ending, facts, finished_run, partial_run
from tui.screens.modals import NumberDialog
from tui.screens.train import TrainRoom
from tui.widgets import run_facts
from tui.widgets.canvas import Canvas, Line
from tui.widgets.chart import LineChart
from tui.widgets.log_pane import LogPane, read_tail


def room(pilot: Pilot[None]) -> TrainRoom:
    assert isinstance(pilot.app.screen, TrainRoom)
    return pilot.app.screen


async def test_a_live_run_is_followed_from_its_stages_to_its_end(store: RunStore) -> None:
    shape = Shape()
    run = store.create(RunConfig(), "brisk-otter")
    told = iter(facts(shape))
    with run.lock():
        for fact in told:
            run.record(fact)
            if isinstance(fact, e.StageChanged) and fact.stage == "baselines":
                break
        async with bench(store, "train").run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: "baselines" in shown(pilot))
            assert "✓ read" in shown(pilot)
            assert "· tokenise" in shown(pilot)
            for fact in told:
                run.record(fact)
                if isinstance(fact, e.StepsFinished) and fact.last >= 118:
                    break
            await until(pilot, lambda: "step 118/236" in shown(pilot))
            text = shown(pilot)
            assert "brisk-otter" in text
            assert "epoch 2/4" in text
            assert "ETA" in text
            assert "seq/s" in text
            assert "9 % padding" in text
            assert "best macro F1" in text
            assert "CPU 198 %" in text
            assert "RAM 1.0 GiB" in text
            assert "grad norm" in text
            assert text.count("▼") >= 1
            assert "negative" in text
            await until(pilot, lambda: "★" in pilot.app.screen.query_one("#f1-chart", LineChart).text)
            assert "✓ read" not in shown(pilot), "the stages go when the steps come"
            for fact in [*told, *ending(shape)]:
                run.record(fact)
            run.close()
            await until(pilot, lambda: "finished" in shown(pilot))
            assert "this test part has been scored by 3 runs" in shown(pilot)
            assert "validation: macro F1 .88" in shown(pilot)


async def test_a_finished_run_is_replayed_whole(store: RunStore) -> None:
    finished_run(store, "old-heron")
    async with bench(store, "train").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "finished" in shown(pilot))
        await until(pilot, lambda: "★" in pilot.app.screen.query_one("#f1-chart", LineChart).text)
        loss = pilot.app.screen.query_one("#loss-chart", LineChart).text
        assert "236 steps" in loss
        assert any(row.rstrip()[-1:] not in ("", "┊", "│", "┤") for row in loss.splitlines()[-4:-1]), "to the last step"
        assert "old-heron" in shown(pilot)
        bottom = pilot.app.screen.query_one("#figures", Canvas)
        assert bottom.region.bottom <= 23, "nothing is hidden at 80x24"


async def test_without_utf8_the_room_is_ascii(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    finished_run(store, "old-heron")
    async with bench(store, "train").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "finished" in shown(pilot))
        assert shown(pilot).isascii()


async def test_s_asks_for_a_stop_and_says_so_at_once(store: RunStore) -> None:
    run = partial_run(store, "brisk-otter", steps=60)
    with run.lock():
        async with bench(store, "train").run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: "step 6" in shown(pilot))
            await pilot.press("s")
            assert "stopping: finishing the step…" in shown(pilot)
            assert "ETA" not in shown(pilot)
            run.record(e.StepsFinished(63, 64, (0.5, 0.5), 1e-4, 1.0, 32, 768, 0.2))
            await until(pilot, lambda: "stopping: validating…" in shown(pilot))
            asked = [json.loads(one)["ask"] for one in run.control_path.read_text().splitlines()]
            assert asked == ["stop"]
            run.record(e.RunFinished("stopped by a person", True, 12.0))
            run.close()
            await until(pilot, lambda: "stopped by a person" in shown(pilot))
            await pilot.press("s")
            assert len(run.control_path.read_text().splitlines()) == 1, "an ended run is asked nothing"


def keep_checkpoint(run: Run, step: int) -> None:
    """A checkpoint on the disk, as far as a reader looks, and the fact of it."""
    checkpoints_path(run.path).mkdir(exist_ok=True)
    with commit_dir(place_of(run.path, step)) as folder:
        (folder / "progress.json").write_text("{}")
    run.record(e.CheckpointSaved(step, step / 59, 140_000_000, 0.4))


def asked(run: Run) -> list[str]:
    """What was asked of its trainer."""
    return [json.loads(one)["ask"] for one in run.control_path.read_text().splitlines()]


async def test_p_pauses_and_r_goes_on_with_the_same_charts(store: RunStore, launched: list[str]) -> None:
    run = partial_run(store, "brisk-otter", steps=118)
    with ExitStack() as trainer:
        trainer.enter_context(run.lock())
        async with bench(store, "train").run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "step 118/236" in shown(pilot))
            await pilot.press("p")
            assert "pausing: finishing the step…" in shown(pilot)
            assert asked(run) == ["pause"]
            run.record(e.StepsFinished(119, 122, (0.5,) * 4, 1e-4, 1.0, 64, 1536, 0.4))
            await until(pilot, lambda: "pausing: writing a checkpoint…" in shown(pilot))
            keep_checkpoint(run, 122)
            run.record(e.RunPaused(122))
            run.close()
            trainer.close()
            await until(pilot, lambda: "paused at step 122 of 236 · r goes on" in shown(pilot))
            footer = painted(pilot.app).splitlines()[-1]
            assert ("Resume" in footer, "Pause" in footer) == (True, False)
            await pilot.press("r")
            await until(pilot, lambda: "waiting for the trainer" in shown(pilot))
            assert launched == ["brisk-otter"]
            loss = pilot.app.screen.query_one("#loss-chart", LineChart).text
            assert any("\u2800" < one <= "\u28ff" for one in loss), "the curves stay while the trainer starts"
            assert "236 steps" in loss
            trainer.enter_context(run.lock())
            for fact in (e.RunStarted(1, "box", ""), e.StageChanged("read"), e.StageChanged("train")):
                run.record(fact)
            run.record(e.RunResumed(122, False, "threads 1, was 2"))
            run.record(e.StepsFinished(123, 124, (0.4, 0.4), 1e-4, 1.0, 32, 768, 0.2))
            await until(pilot, lambda: "step 124/236" in shown(pilot))
            assert "continued from step 122 of 236, not exact: threads 1, was 2" in shown(pilot)
            assert room(pilot).history.loss_steps == list(range(1, 125))
            run.close()


async def test_w_saves_now_and_says_what_was_written(store: RunStore) -> None:
    run = partial_run(store, "brisk-otter", steps=60)
    with run.lock():
        async with bench(store, "train").run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "step 6" in shown(pilot))
            footer = painted(pilot.app).splitlines()[-1]
            assert all(word in footer for word in ("Pause", "Stop & save", "Save", "New", "Log", "Leave", "Quit"))
            await pilot.press("w")
            assert "saving after this step…" in shown(pilot)
            assert asked(run) == ["save"]
            keep_checkpoint(run, 62)
            await until(pilot, lambda: "saved: step 62, 134 MiB, 0.4 s" in shown(pilot))
            assert "saving" not in shown(pilot)
            await pilot.press("w")
            assert "saving after this step…" in shown(pilot)
            run.record(e.Warned(NOT_WRITTEN, "No space left on device."))
            await until(pilot, lambda: "No space left on device" in shown(pilot))
            assert "saving after" not in shown(pilot)
            assert "saved:" not in shown(pilot), "the older one is not what was asked for"
            run.close()


async def test_what_is_left_of_an_interrupted_run_is_scored_and_saved_by_s(
    store: RunStore, launched: list[str]
) -> None:
    run = partial_run(store, "brisk-otter", steps=118)
    keep_checkpoint(run, 100)
    run.close()
    async with bench(store, "train").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Interrupted at step 118 of 236" in shown(pilot))
        assert "r goes on from step 100 of 236" in shown(pilot)
        await pilot.press("s")
        await until(pilot, lambda: launched == ["brisk-otter"])
        assert asked(run) == ["stop"]
        with run.lock():
            run.record(e.RunStarted(1, "box", ""))
            run.record(e.StageChanged("read"))
            await until(pilot, lambda: "stopping: reading the data…" in shown(pilot))
            run.close()


@pytest.mark.parametrize("kept", [True, False])
async def test_s_is_offered_for_a_failed_run_that_has_a_checkpoint(
    store: RunStore, launched: list[str], kept: bool
) -> None:
    run = partial_run(store, "brisk-otter", steps=118)
    if kept:
        keep_checkpoint(run, 100)
    run.record(e.RunFailed("DiskFullError", "No room", "The disk is full.", "Make room."))
    run.close()
    app = bench(store, "train")
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "No room" in shown(pilot))
        footer = painted(app).splitlines()[-1]
        assert ("Resume" in footer, "Stop & save" in footer) == (True, kept)
        await pilot.press("s", *(() if kept else ("r",)))
        await until(pilot, lambda: launched == ["brisk-otter"])
        assert run.control_path.exists() == kept


@pytest.mark.parametrize("has_model", [True, False])
async def test_a_run_ended_at_once_offers_what_its_model_allows(store: RunStore, has_model: bool) -> None:
    run = partial_run(store, "brisk-otter", steps=2)
    if has_model:
        with commit_dir(run.model_path) as folder:
            (folder / "config.json").write_text("{}")
    run.record(e.RunFinished("stopped now by a person", True, 12.0))
    run.close()
    app = bench(store, "train")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "■ stopped now by a person · 00:12" in shown(pilot))
        assert "last score:" in shown(pilot), "no epoch has ended"
        told = " ".join(shown(pilot).split())
        assert ("nothing was scored" in told, "It ended before there was a model." in told) == (
            has_model,
            not has_model,
        )
        assert ("5 tries it, r trains more epochs" in told) == has_model
        footer = painted(app).splitlines()[-1]
        assert ("More epochs" in footer, "Resume" in footer) == (has_model, False)


async def test_a_trainer_that_could_not_go_on_says_why_in_whole(store: RunStore) -> None:
    run = partial_run(store, "brisk-otter", steps=118)
    reason = f"{STUCK}The data has changed since the run was begun. Bring the file back as it was, or train anew on it."
    run.record(e.RunPaused(118, reason))
    run.close()
    async with bench(store, "train").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "paused at step 118 of 236" in shown(pilot))
        assert reason in " ".join(shown(pilot).split())


async def test_a_run_resumed_elsewhere_is_followed_again(store: RunStore) -> None:
    run = partial_run(store, "brisk-otter", steps=118)
    run.record(e.RunPaused(118))
    async with bench(store, "train").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "paused" in shown(pilot))
        with run.lock():
            run.record(e.RunStarted(1, "box", ""))
            run.record(e.StageChanged("train"))
            room(pilot)._look_for_live()
            await until(pilot, lambda: "ETA" in shown(pilot))
            run.close()


async def test_r_on_a_complete_run_asks_how_many_epochs_and_trains_a_child(
    store: RunStore, launched: list[str]
) -> None:
    run = finished_run(store, "old-heron")
    with commit_dir(run.model_path) as folder:
        (folder / "config.json").write_text("{}")
    (run.path / "split.parquet").write_bytes(b"")
    app = bench(store, "train", fake=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "finished" in shown(pilot))
        assert "More epochs" in painted(app).splitlines()[-1]
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, NumberDialog) and app.focused is not None)
        await pilot.press("0", "enter")
        assert isinstance(app.screen, NumberDialog)
        assert "out of bounds" in painted(app)
        await pilot.press("backspace", "3", "enter")
        await until(pilot, lambda: launched == ["old-heron-more"])
        child = store.open("old-heron-more")
        assert child.config().training.epochs == 3
        await until(pilot, lambda: "old-heron-more" in shown(pilot))


@pytest.mark.parametrize(
    ("kind", "told", "setting", "value"),
    [
        ("MemoryFullError", "f trains anew with batch size 8 and accumulation 2", "training.batch_size", 8),
        ("NotFiniteError", "f trains anew with learning rate 0.001", "training.learning_rate", 1e-3),
    ],
)
async def test_f_trains_anew_with_what_a_failed_run_lacked(
    store: RunStore, launched: list[str], kind: str, told: str, setting: str, value: float
) -> None:
    run = store.create(RunConfig().with_value("training.learning_rate", 3e-3), "brisk-otter")
    run.record(e.RunFailed(kind, "It failed", "For a reason.", "Do something."))
    run.close()
    app = bench(store, "train", fake=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: told in shown(pilot))
        assert "Fix" in painted(app).splitlines()[-1]
        await pilot.press("f")
        await until(pilot, lambda: launched == ["brisk-otter-again"])
        assert store.open("brisk-otter-again").config().get(setting) == value


async def test_a_full_disk_says_that_r_goes_on_once_there_is_room(store: RunStore) -> None:
    run = partial_run(store, "brisk-otter", steps=60)
    run.record(e.RunFailed("DiskFullError", "The disk is full", "", "Make room, then: finetui resume brisk-otter"))
    run.close()
    async with bench(store, "train").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Make room, then r goes on" in shown(pilot))
        assert "Resume" in painted(pilot.app).splitlines()[-1]


async def test_a_failed_run_shows_title_cause_and_next_step_and_the_log(store: RunStore) -> None:
    run = partial_run(store, "brisk-otter", steps=60)
    run.record(e.RunFailed("TrainingError", "Out of memory", "The batch did not fit.", "Halve the batch size."))
    run.close()
    run.log_path.write_text("epoch 1\r 10 %\r 20 %\n\x1b[31mKilled\x1b[0m [/oops]\n")
    async with bench(store, "train").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Out of memory" in shown(pilot))
        text = shown(pilot)
        assert "✗ Out of memory" in text
        assert "The batch did not fit." in text
        assert "Halve the batch size." in text
        await pilot.press("l")
        pane = pilot.app.screen.query_one(LogPane)
        await until(pilot, lambda: len(pane.lines) > 1)
        assert list(pane.lines)[:2] == [" 20 %", "␛[31mKilled␛[0m [/oops]"]
        await pilot.press("l")
        assert not pane.display


async def test_an_interrupted_run_says_so(store: RunStore) -> None:
    run = partial_run(store, "brisk-otter", steps=60)
    with run.lock():
        pass
    run.close()
    async with bench(store, "train").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "the trainer is gone" in shown(pilot))
        assert "interrupted" in shown(pilot)


async def test_without_a_run_it_says_what_to_press(store: RunStore) -> None:
    async with bench(store, "train").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "No run yet." in shown(pilot))
        assert "ctrl+r" in shown(pilot)


async def test_brackets_switch_among_live_runs(store: RunStore) -> None:
    first, second = (partial_run(store, name, steps=30) for name in ("brisk-otter", "calm-heron"))
    with first.lock(), second.lock():
        async with bench(store, "train").run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: "live:" in shown(pilot))
            before = room(pilot).run
            assert before is not None
            await pilot.press("right_square_bracket")
            await until(pilot, lambda: room(pilot).run is not None and room(pilot).run.name != before.name)  # type: ignore[union-attr]
            await until(pilot, lambda: room(pilot).history.step > 0)
            await pilot.press("left_square_bracket")
            await until(pilot, lambda: room(pilot).run is not None and room(pilot).run.name == before.name)  # type: ignore[union-attr]


async def test_what_try_asks_does_not_change_what_train_shows(store: RunStore) -> None:
    finished_run(store, "old-heron")
    run = partial_run(store, "brisk-otter", steps=60)
    with run.lock():
        app = bench(store, "train")
        async with app.run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: "step 6" in shown(pilot))
            app.asked_run = "old-heron"
            await pilot.press("5", "ctrl+g", "3")
            await until(pilot, lambda: app.current_mode == "train")
            assert room(pilot).run is not None
            assert room(pilot).run.name == "brisk-otter"  # type: ignore[union-attr]
            run.record(e.RunFinished("all epochs", False, 12.0))
            run.close()
            await until(pilot, lambda: "finished" in shown(pilot))
            assert "last epoch:" in shown(pilot)
            assert "last score:" not in shown(pilot)
            await pilot.press("4", "3")
            await until(pilot, lambda: app.current_mode == "train" and "finished" in shown(pilot))
            assert room(pilot).run.name == "brisk-otter"  # type: ignore[union-attr]


async def test_a_run_whose_folder_vanishes_leaves_a_sentence_not_a_crash(store: RunStore) -> None:
    run = partial_run(store, "brisk-otter", steps=30)
    with run.lock():
        async with bench(store, "train").run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: "step 30/236" in shown(pilot))
            run.close()
            shutil.rmtree(run.path)
            await until(pilot, lambda: "folder of this run is gone" in shown(pilot))


async def test_hostile_names_in_data_and_classes_stay_text(store: RunStore) -> None:
    names = ("[/bold]", "\x1b]52;c;AAAA\x07", "日本語のラベル")
    config = RunConfig().with_value("data.source", "/tmp/[red]\x1b[2J\u202eevil.csv")
    run = store.create(config, "brisk-otter")
    for fact in facts(Shape(names=names)):
        run.record(fact)
    run.record(e.Warned("[/x] \x1b[31m", "\u202e"))
    run.record(e.RunFailed("DataError", "bad [/]", "\x1b]0;title\x07", ""))
    run.close()
    run.log_path.write_bytes(b"\x1b[2J\xff\xfe\x00[/red]\n")
    async with bench(store, "train").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "bad [/]" in shown(pilot))
        await pilot.press("l")
        await until(pilot, lambda: len(pilot.app.screen.query_one(LogPane).lines) > 0)
        text = shown(pilot) + "\n".join(pilot.app.screen.query_one(LogPane).lines)
        assert "[/bold]" in text
        assert "日本語のラベル" in text
        assert not any((ord(one) < 32 and one != "\n") or one in "\x7f\x9b\u202e" for one in text)


async def test_quitting_waits_for_no_thread(store: RunStore) -> None:
    run = partial_run(store, "brisk-otter", steps=30)
    with run.lock():
        app = bench(store, "train")
        async with app.run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: "step 30/236" in shown(pilot))
            cancel = room(pilot)._cancel
            await pilot.press("b")
        assert cancel.is_set()
        assert "still training" in app.farewell
        assert run.state() is RunState.RUNNING
        run.close()


# The lines alone


def _history(until_step: int = 10**9, shape: Shape | None = None) -> History:
    history = History()
    for number, fact in enumerate(facts(shape or Shape()), 1):
        history.apply(Record(number, 1000.0 + number, fact))
        if history.step >= until_step:
            break
    return history


def _text(lines: list[Line]) -> str:
    return "\n".join("".join(character for character, _ in cells) for cells in lines)


def test_the_heading_drops_the_dispensable_first() -> None:
    card = run_facts.Card("brisk-otter", "MiniLM-L6", "reviews.csv")
    history = _history(118)
    wide = _text([run_facts.heading(card, history, RunState.RUNNING, 2000.0, 110)])
    narrow = _text([run_facts.heading(card, history, RunState.RUNNING, 2000.0, 60)])
    assert all(part in wide for part in ("● brisk-otter", "reviews.csv", "epoch 2/4", "step 118/236", "16:39", "ETA"))
    assert "brisk-otter" in narrow
    assert "ETA" in narrow
    assert "epoch" not in narrow
    assert len(narrow) == 60


def test_many_classes_show_the_worst_and_count_the_rest() -> None:
    names = tuple(f"class-{number:02}" for number in range(40))
    history = _history(118, Shape(names=names))
    lines = run_facts.class_scores(history, 78)
    assert len(lines) <= 2
    assert "▼" in _text(lines)
    assert "better" in _text(lines)


def test_patience_counts_the_full_validations_since_the_best() -> None:
    history = _history()
    saved = history.saved
    assert saved is not None
    history.apply(Record(10_000, 5000.0, e.EvalFinished(300, 5.0, True, history.evals[0].scores, 1.0)))
    text = _text(run_facts.figures(run_facts.Card("x", patience=3), history, RunState.RUNNING, 200))
    assert "patience 1/3" in text
    assert f"at epoch {saved.epoch:g}" in text


def test_what_trains_is_among_the_figures_until_all_has_joined() -> None:
    history = _history()
    parts = []
    for number, (layers, parameters) in enumerate([(0, 1_538), (3, 5_300_000), (6, 22_700_000)]):
        fact = e.LayersJoined(59 * number, number + 1, layers, 6, layers == 6, parameters)
        history.apply(Record(20_000 + number, 5000.0, fact))
        lines = run_facts.figures(run_facts.Card("x"), history, RunState.RUNNING, 78)
        assert all(len(one) <= 78 for one in lines)
        assert len(lines) <= 3
        parts.append(_text(lines))
    assert "training the head" in parts[0]
    assert "training the top 3 of 6 layers" in parts[1]
    assert "training" not in parts[2]
    assert "training" not in _text(run_facts.figures(run_facts.Card("x"), history, RunState.FINISHED, 78))


async def test_what_trains_is_shown_where_there_are_eighty_columns(store: RunStore) -> None:
    run = partial_run(store, "brisk-otter", steps=60)
    run.record(e.LayersJoined(59, 2, 3, 6, False, 5_300_000))
    with run.lock():
        async with bench(store, "train").run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "training the top 3 of 6 layers" in shown(pilot))
            assert "grad norm" in shown(pilot)
            assert pilot.app.screen.query_one("#figures", Canvas).region.bottom <= 23, "nothing is hidden"
    run.close()


def test_the_wait_for_the_first_score_is_told() -> None:
    assert run_facts.first_score(_history(0)) == "first score after these stages"
    assert run_facts.first_score(_history()) == ""


def test_the_tail_of_a_huge_log_is_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("".join(f"line {number}\n" for number in range(50_000)))
    lines = read_tail(path, 1000)
    assert lines[-1] == "line 49999"
    assert all(one.startswith("line ") for one in lines)
    assert "Nothing to read" in read_tail(tmp_path / "none")[0]
    path.write_text("")
    assert read_tail(path) == ["The trainer has printed nothing."]


def test_the_card_of_a_damaged_run_is_its_name(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.toml").write_text("= nonsense")
    assert run_facts.card_of(Run(tmp_path / "broken")) == run_facts.Card("broken")
