from __future__ import annotations

from dataclasses import replace

import pytest

from core.config import DataConfig, RunConfig
from core.config.recipe import recipe_named
from core.data.cures import apply_cures, parse_cure
from core.data.cures.rows import Rows
from core.errors import ConfigError
from tui.decisions import Decided, applied, decisions_of
from tui.facts import Finding
from tui.widgets.cure_words import fix_words, rename_rule

START = decisions_of(DataConfig(source="/data/a.csv", label="y", cures=("drop-duplicates",)))


def test_a_cure_stands_in_the_list_once_and_off_ones_keep_their_place() -> None:
    one = START.cured("drop-class:a")
    assert one is not None
    assert one.cured("drop-class:a") is None
    off = one.switched("drop-duplicates")
    assert off.data.cures == ("drop-class:a",)
    assert off.switches == (("drop-duplicates", False), ("drop-class:a", True))
    on = off.cured("drop-duplicates")
    assert on is not None
    assert on.data.cures == ("drop-duplicates", "drop-class:a")


def test_every_step_leads_back() -> None:
    steps = [START]
    for step in ("drop-class:a", "drop-class:b"):
        steps.append(steps[-1].cured(step) or START)
    steps.append(steps[-1].with_data("reading", encoding="cp1252"))
    now = steps[-1]
    for before in reversed(steps[:-1]):
        assert now.before is before
        now = before
    assert now.before is None


def test_cures_of_another_label_column_are_left_behind() -> None:
    assert START.with_data("columns", text=("t",)).data.cures == ("drop-duplicates",)
    assert START.with_data("columns", label="other").data.cures == ()


def test_settings_of_other_sections_come_with_a_step_and_go_with_it() -> None:
    config = RunConfig(data=START.data).with_value("training.epochs", 9)
    step = START.with_settings("group", {"data.group": "g", "split.method": "grouped"}, config)
    after = applied(config, step, step.values)
    assert (after.data.group, after.split.method, after.training.epochs) == ("g", "grouped", 9)
    assert step.before is not None
    assert applied(after, step.before, step.restored) == config
    with pytest.raises(ConfigError):
        START.with_settings("odd", {"split.seed": "many"}, config)


def test_a_recipe_is_one_step_whatever_it_sets() -> None:
    config = RunConfig(data=START.data).with_value("training.seed", 9).with_value("training.device", "cpu")
    after = recipe_named("smile").applied(config)
    step = START.with_recipe("smile", config, after)
    assert applied(config, step, step.values) == after
    assert dict(step.switches) == {"drop-class:nocode": True, "drop-multi-label:|": True}
    assert step.recipe == "smile"
    assert step.before is START
    assert applied(after, step.before, step.restored) == config
    more = step.switched("drop-class:nocode")
    assert not more.recipe
    assert more.before is step


def test_the_way_back_is_found_by_the_data_that_it_led_to() -> None:
    decided = Decided()
    first = decided.about(START.data)
    assert decided.about(START.data) is first
    step = first.with_data("columns", text=("t",))
    decided.keep(step)
    assert decided.about(step.data) is step
    other = decided.about(replace(START.data, encoding="cp1252"))  # nobody came to this from there
    assert other.before is None
    decided.forget(START.data.source)
    assert decided.last(START.data.source) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [("a", "b"), ("a", "x,y"), ("a", "x=y"), ("a=b", "c"), ("a=b", 'say "c"=d'), ("x,y", "z"), ('"a"', "b=c")],
)
def test_a_renaming_rule_means_these_two_names_whatever_they_hold(old: str, new: str) -> None:
    import numpy as np
    import pandas as pd

    names = list(dict.fromkeys(["a", "a=b", "x,y", '"a"', old]))
    codes = np.arange(len(names), dtype=np.int64)
    texts = pd.Series([f"text {at}" for at in range(len(names))], dtype="str")
    rows = Rows(texts=texts, codes=codes, names=list(names), groups=None, at=codes.copy())
    rule = rename_rule(old, new)
    parse_cure(rule)
    apply_cures(rows, (rule,))
    assert [rows.names[code] for code in rows.codes] == [new if name == old else name for name in names]


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (Finding("bad", "a", "", 1, "drop-class:nocode"), "drop nocode"),
        (Finding("bad", "a", "", 1, "drop-class:\x1b[31m"), "drop ␛[31m"),
        (Finding("bad", "a", "", 1, "merge-rare:10=other"), "merge into other"),
        (Finding("bad", "a", "", 1, "some-new-rule:7"), "some new rule"),
        (Finding("bad", "a", "", 1, "", {"data.group": "SentenceId"}), "group by SentenceId"),
        (Finding("bad", "a", "", 1, "", {"data.test_file": "/far/away/test.csv"}), "test on test.csv"),
        (Finding("bad", "a", "", 1, "", {"training.patience": 3}), "patience 3"),
        (Finding("bad", "a", "", 1), ""),
    ],
)
def test_what_f_does_is_said_in_few_words(finding: Finding, words: str) -> None:
    assert fix_words(finding) == words
