"""Settings: through TOML and the command line and back, and what a person reads when one is wrong."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from core.cli import build
from core.cli.options import with_settings
from core.config import (
    RunConfig,
    arguments,
    command_line,
    differing,
    dumps,
    flag_of,
    from_dict,
    is_tuple,
    load,
    loads,
    parse,
    problem_with,
    problems,
    settings,
    spec_of,
    to_dict,
    type_of,
    with_absolute_paths,
    with_source,
    with_values,
)
from core.config.recipe import recipes
from core.config.schema import SHORTEST
from core.errors import ConfigError
from core.preflight import require_sound

PATHS = [path for path, _, _ in settings()]
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


def values_of(path: str) -> st.SearchStrategy[Any]:
    """Every value that the setting at `path` may have."""
    kind, spec = type_of(path), spec_of(path)
    if spec.choices:
        return st.sampled_from(spec.choices)
    if path == "training.device":
        return st.sampled_from(["auto", "cpu", "mps", "cuda", "cuda:0", "cuda:15"])
    if path == "data.recipe":
        return st.sampled_from(["", *recipes()])
    if path == "data.source":
        return st.sampled_from(["sample", "hub:some/set"]) | TEXT.map(lambda text: "/" + text)
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(int(spec.low or 0), int(spec.high or 0))
    if kind is float:
        return st.floats(spec.low, spec.high)
    return st.lists(TEXT, max_size=3).map(tuple) if is_tuple(kind) else TEXT


@st.composite
def configs(draw: st.DrawFn) -> RunConfig:
    config = RunConfig()
    for path in draw(st.sets(st.sampled_from(PATHS))):
        config = config.with_value(path, draw(values_of(path)))
    return config


@given(configs())
def test_toml_reads_back(config: RunConfig) -> None:
    assert loads(dumps(config)) == config
    assert from_dict(to_dict(config)) == config


def read_by_typer(words: list[str]) -> RunConfig:
    """What the options of `finetui train` make of these words."""
    found: list[RunConfig] = []

    @with_settings()
    def probe(values: dict[str, Any], source: str = typer.Argument("sample")) -> None:
        found.append(with_values(with_source(RunConfig(), source), values))

    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command()(probe)
    app(words, standalone_mode=False)
    return found[0]


@given(configs())
def test_the_command_line_reads_back(config: RunConfig) -> None:
    config = config.with_value("data.given", config.data.source)
    words = arguments(config)
    if "--recipe" not in words:  # none, or one whose lists were emptied, which no option can say
        config = config.with_value("data.recipe", "")
    assert read_by_typer(words) == config
    assert command_line(config).startswith("finetui train ")


def test_the_default_is_one_short_command() -> None:
    assert command_line(RunConfig()) == "finetui train sample"
    assert command_line(RunConfig().with_value("training.epochs", 3)) == "finetui train sample --epochs 3"


def test_a_number_keeps_all_its_digits_on_the_command_line() -> None:
    config = RunConfig().with_value("training.learning_rate", 0.123456789012)
    assert "0.123456789012" in command_line(config)
    assert "--learning-rate 3e-05" in command_line(RunConfig().with_value("training.learning_rate", 3e-5))


@given(configs())
def test_what_is_within_bounds_has_no_problem(config: RunConfig) -> None:
    if 0 < config.model.max_length < SHORTEST:  # 0 means automatic; between it and this there is no room for words
        config = config.with_value("model.max_length", SHORTEST)
    assert not [path for path in PATHS if problem_with(path, config.get(path))]


def test_the_default_has_no_problem_and_is_frozen() -> None:
    assert not problems(RunConfig())
    with pytest.raises(FrozenInstanceError):
        RunConfig().training.epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize("path", PATHS)
def test_every_setting_has_a_sentence_and_a_flag(path: str) -> None:
    spec = spec_of(path)
    assert spec.sentence[0].isupper() or spec.sentence.startswith("AdamW")
    assert spec.sentence.endswith(".")
    assert len(spec.sentence) <= 120
    assert flag_of(path).startswith("--")
    assert not problem_with(path, RunConfig().get(path))


def test_flags_are_all_different() -> None:
    flags = [flag_of(path) for path in PATHS]
    assert len(set(flags)) == len(flags)


def test_help_shows_every_setting_with_its_sentence() -> None:
    shown = CliRunner().invoke(build(("train",)), ["train", "--help"], env={"COLUMNS": "100"})
    words = " ".join(shown.output.split())
    assert shown.exit_code == 0
    for path in set(PATHS) - {"data.source", "data.given"}:
        assert flag_of(path) in words
        assert spec_of(path).sentence.split()[0] in words


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[training]\nepoch = 3", "'epochs'"),
        ("[training]\nlearning-rate = 1.0", "'learning_rate'"),
        ("[trainning]\nepochs = 3", "'training'"),
        ("[model]\nbse = 'x'", "'base'"),
        ("[data]\nqqqq = 1", "encoding"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_name(text: str, named: str) -> None:
    with pytest.raises(ConfigError, match="Unknown") as found:
        loads(text)
    assert named in found.value.next_step


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[training]\nepochs = '3'", "training.epochs must be int"),
        ("[training]\nepochs = true", "training.epochs must be int"),
        ("[training]\nepochs = 3.0", "training.epochs must be int"),
        ("[training]\nlearning_rate = false", "training.learning_rate must be float"),
        ("[split]\nkeep_duplicates_together = 1", "must be bool"),
        ("[data]\ntext = [1]", "data.text must be a list of texts"),
        ("data = 'x.csv'", "must be a table"),
        ("format = 2", "format 2"),
        ("epochs = = 3", "not valid TOML"),
        ("[training]\nepochs = " + "9" * 5000, "not valid TOML"),
    ],
)
def test_a_wrong_type_is_named(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        loads(text)


def test_a_whole_number_may_stand_for_a_fraction_and_a_text_for_a_list() -> None:
    config = loads("[training]\nlearning_rate = 1\n[data]\ntext = 'review'")
    assert config.training.learning_rate == 1.0
    assert type(config.training.learning_rate) is float
    assert config.data.text == ("review",)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("training.epochs", 0, "0 is out of bounds: 1 to 1000"),
        ("training.learning_rate", 2.5, "2.5 is out of bounds: 0 to 1"),
        ("training.learning_rate", float("nan"), "nan is out of bounds: 0 to 1"),
        ("training.epochs", 10**400, "this number is out of bounds: 1 to 1000"),
        ("training.schedule", "cubic", "'cubic' is not one of linear, cosine, constant"),
    ],
)
def test_bounds_are_said(path: str, value: Any, message: str) -> None:
    assert problem_with(path, value) == message
    assert [(one.path, one.message) for one in problems(RunConfig().with_value(path, value))] == [(path, message)]


@pytest.mark.parametrize("device", ["gpu", "cpu:1", "cuda:", "cuda:x", "cuda:²", "auto:0", "", "cuda:-1"])
def test_a_device_that_cannot_be(device: str) -> None:
    assert [one.path for one in problems(RunConfig().with_value("training.device", device))] == ["training.device"]


def test_a_split_that_leaves_nothing_to_train_on() -> None:
    config = loads("[split]\nvalidation = 0.45\ntest = 0.45")
    assert [one.path for one in problems(config)] == ["split.test"]


def test_all_that_is_wrong_is_said_at_once_by_flag() -> None:
    config = loads("[training]\nepochs = 0\n[split]\ntest = 0.9\n[data]\nsource = ''")
    with pytest.raises(ConfigError) as found:
        require_sound(config)
    assert all(flag in str(found.value) for flag in ("--epochs", "--test-fraction", "--source"))


@pytest.mark.parametrize("path", PATHS)
def test_typing_the_default_gives_the_default(path: str) -> None:
    value = RunConfig().get(path)
    typed = ", ".join(value) if isinstance(value, tuple) else str(value)
    assert parse(path, typed) == value


@pytest.mark.parametrize(
    ("path", "typed", "value"),
    [
        ("training.epochs", " 12 ", 12),
        ("training.learning_rate", "2e-5", 2e-5),
        ("split.keep_duplicates_together", "No", False),
        ("data.text", "title, body", ("title", "body")),
    ],
)
def test_typed_values(path: str, typed: str, value: Any) -> None:
    assert parse(path, typed) == value


@pytest.mark.parametrize(
    ("path", "typed", "complaint"),
    [
        ("training.epochs", "three", "epochs: 'three' is not a whole number"),
        ("training.epochs", "9" * 400, "epochs: this number is out of bounds"),
        ("training.learning_rate", "fast", "learning rate: 'fast' is not a number"),
        ("training.learning_rate", "inf", "learning rate: this number is out of bounds"),
        ("split.keep_duplicates_together", "perhaps", "is not yes or no"),
        ("training.metric", "f2", "metric: 'f2' is not one of macro_f1"),
    ],
)
def test_typing_nonsense_says_what_is_wanted(path: str, typed: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        parse(path, typed)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Cannot read"):
        load(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xe9")
    with pytest.raises(ConfigError, match="Cannot read"):
        load(tmp_path / "latin.toml")


def test_paths_become_absolute_for_the_trainer_runs_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "encoder").mkdir()
    given = loads("[data]\nsource = 'at 10:30/reviews.csv'\n[model]\nbase = 'encoder'")
    config = with_absolute_paths(given)
    assert config.data.source == str(tmp_path / "at 10:30" / "reviews.csv")
    assert config.data.given == "at 10:30/reviews.csv"
    assert config.model.base == str(tmp_path / "encoder")
    assert with_absolute_paths(config) == config


@pytest.mark.parametrize("source", ["sample", "hub:some/set"])
def test_names_that_are_no_paths_stay(source: str) -> None:
    config = with_absolute_paths(with_source(RunConfig(), source).with_value("model.base", "org/model"))
    assert (config.data.source, config.model.base) == (source, "org/model")


def test_a_file_with_a_colon_in_its_name_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert with_source(RunConfig(), "2024-01-01T10:00.csv").data.source == str(tmp_path / "2024-01-01T10:00.csv")


def test_only_what_is_not_at_its_default_differs() -> None:
    assert differing(RunConfig()) == []
    config = RunConfig().with_value("training.epochs", 6).with_value("data.source", "/x.csv")
    config = config.with_value("data.cures", ("drop-duplicates",)).with_value("data.given", "x.csv")
    assert differing(config) == [("data.cures", ("drop-duplicates",), ()), ("training.epochs", 6, 4)]
