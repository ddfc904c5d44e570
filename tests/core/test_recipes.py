"""Recipes: plain parts of a run.toml, what they change and leave alone, and which line does not fit the data."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from core.config import RunConfig, SplitConfig, command_line, loads, problems, with_source, with_values
from core.config.recipe import recipe_named, recipes
from core.data.dataset import load_dataset
from core.data.service import DataService
from core.data.split import split_rows
from core.errors import ConfigError, DataError
from core.launch import child_command, child_environment
from core.protocol import no_progress

NAMES = list(recipes())


def finetui(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(child_command(*words), capture_output=True, text=True, cwd=cwd, env=child_environment())


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    """Reviews with one to five stars, 40 of each."""
    lines = [f"the {word} number {n} was fine,{n % 5 + 1}" for n in range(200) for word in ("film",)]
    path = tmp_path / "reviews.csv"
    path.write_text("content,score\n" + "\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_a_part_of_a_run_toml(name: str) -> None:
    recipe = recipe_named(name)
    read = loads(recipe.text)
    assert read.data.recipe == name
    applied = recipe.applied(RunConfig())
    assert problems(applied) == []
    assert recipe.changes(RunConfig()), "a recipe changes something"
    for path in ("training.epochs", "training.batch_size", "training.learning_rate", "model.base", "data.cures"):
        assert read.get(path) == applied.get(path)


def test_each_write_up_is_there_as_written_and_as_we_would() -> None:
    written = [name for name in NAMES if name.endswith("-as-written")]
    assert sorted(recipe_named(name.removesuffix("-as-written")).against for name in written) == sorted(written)
    assert {"smile", "online-reviews", "movie-reviews", "app-reviews", "bert-base", "bert-large"} <= set(NAMES)


def test_a_recipe_leaves_the_file_and_the_machine_to_the_person() -> None:
    mine = with_values(
        with_source(RunConfig(), "/somewhere/tweets.csv"),
        {"data.delimiter": "tab", "data.text": ["tweet"], "training.device": "cpu", "training.epochs": 7},
    )
    applied = recipe_named("smile").applied(mine)
    assert (applied.data.source, applied.data.delimiter, applied.data.text) == (mine.data.source, "tab", ("tweet",))
    assert applied.training.device == "cpu"
    assert applied.training.epochs == recipe_named("smile").tree["training"]["epochs"]


def test_columns_that_a_person_chose_stay_and_those_of_another_recipe_go() -> None:
    mine = with_values(RunConfig(), {"data.text": ["words"], "data.label": "stars"})
    taken = recipe_named("app-reviews").applied(mine)
    assert (taken.data.text, taken.data.label) == (("words",), "stars")
    other = recipe_named("smile").applied(recipe_named("app-reviews").applied(RunConfig()))
    assert (other.data.text, other.data.label) == ((), "")
    again = recipe_named("movie-reviews").applied(recipe_named("app-reviews").applied(RunConfig()))
    assert (again.data.text, again.data.group) == (("Phrase",), "SentenceId")


def test_what_is_set_beside_a_recipe_wins() -> None:
    found = with_values(RunConfig(), {"training.epochs": 2, "data.recipe": "smile-as-written"})
    assert (found.training.epochs, found.training.learning_rate, found.split.seed) == (2, 1e-5, 17)


def test_the_command_names_the_recipe_and_what_differs_from_it() -> None:
    config = with_values(with_source(RunConfig(), "/data/tweets.csv"), {"data.recipe": "smile"})
    assert command_line(config) == "finetui train /data/tweets.csv --recipe smile"
    changed = config.with_value("training.epochs", 3)
    assert command_line(changed) == "finetui train /data/tweets.csv --recipe smile --epochs 3"


def test_a_recipe_emptied_of_its_rules_is_told_setting_by_setting() -> None:
    config = with_values(with_source(RunConfig(), "/data/tweets.csv"), {"data.recipe": "smile"})
    told = command_line(config.with_value("data.cures", ()))
    assert "--recipe" not in told
    assert "--split-seed" not in told  # 17 is the default
    assert "--no-keep-duplicates-together" in told


@pytest.mark.parametrize(
    ("recipe", "head", "said", "line"),
    [
        ("smile", "text,label", "there is no class 'nocode'", '"drop-class:nocode"'),
        ("online-reviews", "text,label", "no label is a number", '"bins:<=2=negative,3=drop,>=4=positive"'),
        ("app-reviews", "text,score", "there is no column 'content'", 'text = ["content"]'),
        ("app-reviews", "content,label", "there is no column 'score'", 'label = "score"'),
        ("movie-reviews", "Phrase,Sentiment", "there is no column 'SentenceId'", 'group = "SentenceId"'),
        ("movie-reviews-as-written", "Phrase,Sentiment", "there is no class '0'", '"rename-class:0=negative"'),
    ],
)
def test_what_does_not_fit_is_told_by_its_line(tmp_path: Path, recipe: str, head: str, said: str, line: str) -> None:
    path = tmp_path / "mine.csv"
    rows = [f"a sentence number {n} of some words,{'good' if n % 2 else 'bad'}" for n in range(60)]
    path.write_text("\n".join([head, *rows]) + "\n")
    config = with_values(with_source(RunConfig(), str(path)), {"data.recipe": recipe})
    with pytest.raises((DataError, ConfigError)) as caught:
        load_dataset(config.data)
    number = next(n for n, one in enumerate(recipe_named(recipe).text.splitlines(), 1) if line in one)
    assert caught.value.title == f"The recipe {recipe} does not fit this data: {said}" + (
        " to make classes of" if "number" in said else " to cure" if "class" in said else ""
    )
    assert f"Line {number} of the recipe: " in caught.value.message
    assert line in caught.value.message
    assert f"finetui recipes {recipe} > my.toml, change line {number}" in caught.value.next_step


def test_rules_beside_a_recipe_are_added_to_its_own() -> None:
    found = with_values(RunConfig(), {"data.recipe": "smile", "data.cures": ["drop-duplicates", "drop-class:nocode"]})
    assert found.data.cures == ("drop-class:nocode", "drop-multi-label:|", "drop-duplicates")
    assert "--recipe smile --cure drop-duplicates" in command_line(found)
    other = found.with_value("data.cures", ("drop-duplicates",))
    assert "--recipe" not in command_line(other), "no option takes a rule of a recipe away"


def test_a_column_of_ones_own_takes_the_place_of_the_recipes(reviews: Path) -> None:
    reviews.write_text(reviews.read_text().replace("content,score", "words,stars"))
    config = with_values(
        with_source(RunConfig(), str(reviews)),
        {"data.recipe": "app-reviews", "data.text": ["words"], "data.label": "stars"},
    )
    dataset = load_dataset(config.data)
    assert dataset.label_names == ("negative", "neutral", "positive")
    assert np.bincount(dataset.labels).tolist() == [80, 40, 80]


def test_the_screen_gets_the_settings_or_the_line(reviews: Path) -> None:
    service = DataService()
    tree = {"data": {"source": str(reviews), "label": "score"}, "training": {"device": "cpu"}}
    found = service.recipe({"name": "app-reviews", "config": tree}, no_progress)["config"]
    assert found["training"]["device"] == "cpu"
    assert found["data"]["recipe"] == "app-reviews"
    with pytest.raises(ConfigError, match="does not fit this data"):
        service.recipe({"name": "smile", "config": tree}, no_progress)
    with pytest.raises(ConfigError, match="no recipe"):
        service.recipe({"name": "bacon", "config": tree}, no_progress)


def test_a_blind_split_is_that_of_the_notebooks(reviews: Path) -> None:
    """`train_test_split(df, test_size=.1)`, then that part again by halves, both with one seed."""
    dataset = load_dataset(with_source(RunConfig(), str(reviews)).data)
    split = split_rows(dataset, SplitConfig(method="random", validation=0.05, test=0.05, seed=42))
    train, held = train_test_split(np.arange(200), test_size=0.1, random_state=42)
    validation, test = train_test_split(held, test_size=0.5, random_state=42)
    assert split.train.tolist() == sorted(train)
    assert split.validation.tolist() == sorted(validation)
    assert split.test.tolist() == sorted(test)
    assert "dealt blindly" in split.reason


@pytest.mark.parametrize(("validation", "test"), [(0.2, 0.1), (0.1, 0.05)])
def test_a_blind_split_holds_as_many_rows_as_the_sum_of_its_parts(
    reviews: Path, validation: float, test: float
) -> None:
    """.2 + .1 is more than .3 to a computer."""
    dataset = load_dataset(with_source(RunConfig(), str(reviews)).data)
    split = split_rows(dataset, SplitConfig(method="random", validation=validation, test=test, seed=1))
    train, _ = train_test_split(np.arange(200), test_size=round(validation + test, 2), random_state=1)
    assert split.train.tolist() == sorted(train)


def test_a_blind_split_without_a_test_part(reviews: Path) -> None:
    dataset = load_dataset(with_source(RunConfig(), str(reviews)).data)
    split = split_rows(dataset, SplitConfig(method="random", validation=0.1, test=0.0, seed=3))
    assert (len(split.train), len(split.validation), len(split.test)) == (180, 20, 0)


def test_in_a_shell(tmp_path: Path) -> None:
    listed = finetui("recipes", cwd=tmp_path)
    assert listed.returncode == 0
    assert all(f"{name}\n" in listed.stdout for name in NAMES)
    assert max(map(len, listed.stdout.splitlines())) <= 80
    assert len(json.loads(finetui("recipes", "--json", cwd=tmp_path).stdout)) == len(NAMES)
    printed = finetui("recipes", "smile", cwd=tmp_path)
    (tmp_path / "mine.toml").write_text(printed.stdout)
    assert loads(printed.stdout).split.seed == 17
    unknown = finetui("recipes", "smiel", cwd=tmp_path)
    assert (unknown.returncode, "Did you mean smile?" in unknown.stderr) == (2, True)
    both = finetui("train", "--config", "mine.toml", "--recipe", "smile", cwd=tmp_path)
    assert (both.returncode, "two beginnings" in both.stderr) == (2, True)
    edited = finetui("data", "--config", "mine.toml", cwd=tmp_path)
    assert (edited.returncode, "needs its file" in edited.stderr) == (2, True)
    without = finetui("train", "--recipe", "smile", cwd=tmp_path)
    assert (without.returncode, "needs its file" in without.stderr) == (2, True)
    assert not list(tmp_path.glob("**/events.jsonl"))
