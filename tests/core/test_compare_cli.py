"""`finetui compare` as a person in a shell meets it: tables within 80 columns, exit codes, what it refuses."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from core.cli import main
from core.data.texts import Texts
from core.runs import RunStore
from core.training import events as e
from tests.core.compared import scored_run, sheet, split_of

LABELS = ("angry", "disgust", "happy", "not-relevant", "sad", "a label whose name is longer than most of them")
DATA = sheet(600, LABELS)
SPLIT = split_of(DATA, validation=150, test=150)
LONG = "plucky-caterpillar-with-a-name-of-sixty-four-letters-aaaaaaaaaaa"


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def widest(self) -> int:
        return max(map(len, self.out.splitlines()))


Compare = Callable[..., Done]


def comparing(store: RunStore, capsys: pytest.CaptureFixture[str]) -> Compare:
    def run(*words: str) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main(["compare", *words, "--runs", str(store.root)])
        assert isinstance(left.value.code, int)
        return Done(left.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def compare(store: RunStore, capsys: pytest.CaptureFixture[str]) -> Compare:
    return comparing(store, capsys)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    """Nine runs that compare, one on other rows and one without predictions."""
    store = RunStore(tmp_path_factory.mktemp("filled") / "runs")
    add(store, "one", "three", *(f"r{at}" for at in range(7)))
    scored_run(store, "elsewhere", DATA, split_of(DATA, 3, validation=150, test=150), split__seed=3)
    bare = store.create(store.open("one").config(), "bare")
    bare.record(e.RunFailed("DataError", "no", "", ""))
    bare.close()
    return store


def add(store: RunStore, *names: str, share: float = 0.8, **values: object) -> None:
    for at, name in enumerate(names):
        scored_run(store, name, DATA, SPLIT, right=share, chance=len(name) + at, training__epochs=at + 1, **values)


def test_two_runs_are_told_apart_on_one_screen(store: RunStore, compare: Compare) -> None:
    scored_run(store, LONG, DATA, SPLIT, right=0.95, chance=1)
    scored_run(store, "brisk-otter", DATA, SPLIT, right=0.6, chance=2, training__learning_rate=3e-5)
    done = compare(LONG, "brisk")
    assert (done.code, done.err) == (0, "")
    assert done.widest <= 80
    assert "training.learning_rate" in done.out
    assert "training.epochs" not in done.out
    assert "Validation, 150 rows" in done.out
    assert "Test, 150 rows, scored by 2 runs" in done.out
    assert "These two models differ on these rows." in done.out
    assert "McNemar p < 0.001" in done.out
    assert "better" not in done.out
    only = compare(LONG, "brisk", "--part", "validation")
    assert "Test, " not in only.out
    assert "Validation, 150 rows" in only.out


def test_eight_runs_are_legible_in_80_columns(store: RunStore, compare: Compare) -> None:
    names = [LONG, *(f"run-{at}" for at in range(7))]
    add(store, *names, data__cures=("strip-urls", "drop-class:a class with a long name"))
    done = compare(*names)
    assert (done.code, done.err) == (0, "")
    assert done.widest <= 80
    pairs = [line for line in done.out.splitlines() if line[:5] in {f"{b} - {a}" for b in range(9) for a in range(9)}]
    assert len(pairs) == 2 * 28
    assert "training.epochs  1: 1 · 2: 2 · 3: 3" in done.out
    assert "corrected for the number of pairs (Holm)" in done.out


def test_long_sources_are_told_apart_by_their_ends(store: RunStore, compare: Compare) -> None:
    for at, name in enumerate(("one", "two")):
        source = f"/a/very/long/way/through/many/folders/that/is/the/same/for/both/reviews-{at}.csv"
        scored_run(store, name, DATA, SPLIT, chance=at, data__source=source)
    done = compare("one", "two")
    assert done.widest <= 80
    assert "reviews-0.csv" in done.out
    assert "reviews-1.csv" in done.out
    assert "Not the same in all: the data." in done.out


def test_groups_over_seeds_speak_of_settings(store: RunStore, compare: Compare) -> None:
    for letter, share in (("a", 0.95), ("b", 0.5)):
        for seed in (1, 2, 3):
            rate = 1e-4 if letter == "a" else 3e-5
            given = {"right": share, "seed": seed, "chance": ord(letter) + seed, "training__learning_rate": rate}
            scored_run(store, f"{letter}{seed}", DATA, SPLIT, **given)
    done = compare("a1", "a2", "a3", "b1", "b2", "b3")
    assert done.code == 0
    assert done.widest <= 80
    assert "Setting A scores higher in macro F1 over 3 seeds." in done.out
    assert "rows and seeds drawn" in done.out
    assert "3 - 1" not in done.out
    alone = compare("a1", "a2", "b1")
    assert "one seed only: b1" in alone.err
    assert "Setting" not in alone.out


def test_rows_come_with_their_sentences(store: RunStore, compare: Compare) -> None:
    text = "\x1b]52;c;aGk=\x07 a sentence that goes on and on " + "and on " * 60
    data = replace(DATA, texts=Texts([f"{at} {text}" for at in range(600)]))
    for name, share, chance in (("one", 0.5, 1), ("two", 0.9, 2)):
        scored_run(store, name, data, SPLIT, right=share, chance=chance)
    done = compare("one", "two", "--rows", "fixed", "--limit", "3")
    assert done.code == 0
    assert done.widest <= 80
    assert "\x1b" not in done.out
    assert done.out.count("1 said") == 3
    count = int(done.out.split()[0])
    assert f"{count - 3} more: --limit {count}" in done.out
    assert "more:" not in compare("one", "two", "--rows", "fixed", "--limit", str(count)).out
    found = json.loads(compare("one", "two", "--rows", "fixed", "--json").out)
    assert len(found["rows"]) == found["total"] == count
    looked = compare("one", "two", "--rows", "broken", "--part", "test")
    assert "150 test rows broken" in looked.out
    assert "looked at for 2" in compare("one", "two").out


def test_the_three_exports_say_the_same(store: RunStore, compare: Compare) -> None:
    add(store, "one", "three")
    found = json.loads(compare("one", "three", "--json").out)
    scores = [one["macro_f1"] for one in found["parts"][0]["scores"]]
    lines = list(csv.DictReader(io.StringIO(compare("one", "three", "--csv").out)))
    told = [one for one in lines if (one["table"], one["part"], one["what"]) == ("score", "validation", "macro_f1")]
    assert [float(one["value"]) for one in told] == scores
    page = compare("one", "three", "--markdown").out
    assert all(f"{one:.3f}" in page for one in scores)
    assert page.startswith("# Comparison of one, three")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("one",), "One run cannot be compared"),
        (("one", "one"), "one is named twice"),
        (("one", "on"), "one is named twice"),
        (("one", "tree"), "Did you mean three?"),
        (("one", "three", "--part", "train"), "--part validation or test or both"),
        (("one", "three", "--rows", "fixed", "--part", "both"), "--part validation or test"),
        (("one", "three", "--rows", "mended"), "fixed or broken"),
        (("one", "three", "--json", "--csv"), "Use one of them"),
        (("one", "bare"), "has no predictions"),
        (("one", "elsewhere"), "--common compares on what none of them trained on"),
        (("one", "three", "r0", "r1", "r2", "r3", "r4", "r5", "r6"), "9 runs are too many"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_next_step(
    filled: RunStore, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    done = comparing(filled, capsys)(*words)
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert told in done.err
    assert len(done.err.splitlines()) >= 2


def test_who_cannot_take_part_is_named_beside_those_who_can(store: RunStore, compare: Compare) -> None:
    add(store, "one", "three")
    untested = replace(SPLIT, test=SPLIT.test[:0])
    scored_run(store, "untested", DATA, untested, chance=8, split__test=0.0)
    bare = store.create(store.open("one").config(), "bare")
    bare.record(e.RunFailed("DataError", "no", "", ""))
    bare.close()
    done = compare("one", "bare", "three")
    assert done.code == 0
    assert "bare is left out: it has no predictions" in done.err
    assert "bare" not in done.out
    done = compare("one", "untested")
    assert done.code == 0
    assert "untested has none" in done.err
    assert "Validation, 150 rows" in done.out


def test_the_common_test_says_that_it_is_a_look(store: RunStore, compare: Compare) -> None:
    add(store, "one")
    scored_run(store, "elsewhere", DATA, split_of(DATA, 3, validation=150, test=150), chance=9, split__seed=3)
    done = compare("one", "elsewhere", "--common")
    assert done.code == 0
    assert done.widest <= 80
    assert "Common test, " in done.out
    assert "this counts as a look at the test" in " ".join(done.out.split())
    assert "Rows that chose the best epoch" in done.out
