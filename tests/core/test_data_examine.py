"""The checks that need more than a glance: what they find, what they leave alone, and what they offer."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.config import DataConfig, ModelConfig, RunConfig, SplitConfig, to_dict, with_values
from core.data.dataset import Dataset, Loaded, clean, load
from core.data.examine import CHECKS, Examined, evenly, examine
from core.data.health import words
from core.data.health.near import THRESHOLD, near_groups
from core.data.service import DataService
from core.errors import Cancelled, DataError
from core.evaluation.baseline import TfidfBaseline
from core.evaluation.metrics import score
from core.protocol import no_progress

WORDS = (
    "river stone window garden letter market winter summer pocket ladder candle bridge silver copper thunder meadow "
    "orchard lantern harbour village painter teacher soldier farmer dancer doctor pilot sailor baker tailor mason"
).split()


def _sentence(draw: np.random.RandomState, words: int = 12) -> str:
    return " ".join(draw.choice(WORDS, words))


def _write(path: Path, head: str, rows: list[str]) -> RunConfig:
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return RunConfig(data=DataConfig(source=str(path)))


def _load(config: RunConfig) -> Loaded:
    return load(config.data)


def _found(name: str, config: RunConfig, loaded: Loaded | None = None) -> Examined:
    found = examine(name, loaded or _load(config), config, no_progress)
    json.dumps(found.facts)
    assert len({one.code for one in found.findings}) == len(found.findings)
    for one in found.findings:
        assert one.rows == len(one.kept)
    return found


@pytest.fixture
def plain(tmp_path: Path) -> RunConfig:
    """Sentences that have nothing to do with one another."""
    draw = np.random.RandomState(3)
    return _write(tmp_path / "plain.csv", "text,label", [f"{_sentence(draw)},{'ab'[n % 2]}" for n in range(200)])


def _phrases(path: Path, ident: bool) -> RunConfig:
    draw, rows, number = np.random.RandomState(4), [], 0
    for sentence in range(60):
        words = _sentence(draw, 16).split()
        for _ in range(8):
            first = draw.randint(0, 12)
            number += 1
            phrase = " ".join(words[first : first + draw.randint(3, 16 - first + 1)])
            rows.append((f"{number},{sentence}," if ident else "") + f"{phrase},{'ab'[sentence % 2]}")
        rows.append((f"{number}0,{sentence}," if ident else "") + f"{' '.join(words)},{'ab'[sentence % 2]}")
    return _write(path, "PhraseId,SentenceId,Phrase,label" if ident else "Phrase,label", rows)


# near-duplicates


def test_near_duplicates_stand_together_and_exact_copies_are_none(tmp_path: Path) -> None:
    draw = np.random.RandomState(1)
    texts = [_sentence(draw) for _ in range(50)]
    rows = [*texts, f"{texts[7]} #new", texts[3].upper(), f"{texts[20]} indeed"]
    config = _write(tmp_path / "a.csv", "text,label", [f"{text},{'ab'[n % 2]}" for n, text in enumerate(rows)])
    (finding,) = _found("near-duplicates", config).findings
    assert (finding.level, finding.code) == ("warn", "near-duplicates")
    assert finding.kept.tolist() == [7, 50, 20, 52]
    assert finding.cure == f"drop-near-duplicates:{THRESHOLD:g}"


def test_no_near_duplicates_is_said(plain: RunConfig) -> None:
    (finding,) = _found("near-duplicates", plain).findings
    assert (finding.level, finding.rows) == ("ok", 0)


def _likeness(one: str, other: str) -> float:
    def parts(text: str) -> set[object]:
        words = text.split()
        return {*words, *pairwise(words)}

    return len(parts(one) & parts(other)) / len(parts(one) | parts(other))


@pytest.mark.parametrize("threshold", [0.6, 0.8, 0.9])
def test_groups_are_those_of_comparing_every_pair(threshold: float) -> None:
    draw = np.random.RandomState(2)
    texts = [_sentence(draw, 14) for _ in range(40)]
    for one in texts[:40]:
        words = one.split()
        for _ in range(draw.randint(1, 4)):
            words[draw.randint(0, 14)] = "changed"
        texts.append(" ".join(words))
    groups = near_groups(texts, threshold)
    for at in range(40):
        alike = _likeness(texts[at], texts[at + 40]) >= threshold
        assert (groups[at] == groups[at + 40]) == alike
    assert len(set(groups[:40].tolist())) == 40


def test_one_code_per_text_and_the_same_one_for_copies() -> None:
    assert near_groups([]).tolist() == []
    groups = near_groups(
        ["ok", "OK", "thank you", "thanks", "!!!", "?", "see you there my friend", "See you there  my friend!"]
    )
    assert groups[0] == groups[1]
    assert groups[6] == groups[7]
    assert len(set(groups.tolist())) == 6


def test_what_decides_a_class_keeps_texts_apart() -> None:
    assert len(set(near_groups(["this is my day 😊", "this is my day 😡"]).tolist())) == 2
    assert len(set(near_groups(["i am coming home now", "i am not coming home now"]).tolist())) == 2


def test_scripts_without_blanks_are_compared_by_the_letter() -> None:
    text = "今日はとても天気が良いので公園を散歩しました"
    assert len(set(near_groups([text, text + "よ", "この映画は本当につまらなくて途中で寝てしまった"]).tolist())) == 2


def test_long_texts_are_near_duplicates_after_a_few_changes() -> None:
    draw = np.random.RandomState(8)
    long = _sentence(draw, 400).split()
    other = list(long)
    other[10] = other[200] = other[399] = "changed"
    assert len(set(near_groups([" ".join(long), " ".join(other), _sentence(draw, 400)]).tolist())) == 2


def test_a_template_of_thousands_is_one_group() -> None:
    rows = [
        f"your order with the number {n} was sent to you this morning by our fastest ship of all" for n in range(3000)
    ]
    assert len(set(near_groups(rows).tolist())) == 1


def test_a_sample_of_a_large_file_is_called_one(plain: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "MOST_ROWS", 100)
    found = _found("near-duplicates", plain)
    assert found.facts["rows"] == 100
    assert "100 rows looked at" in found.findings[0].text


# pieces


def test_the_column_that_ties_pieces_is_found(tmp_path: Path) -> None:
    config = _phrases(tmp_path / "phrases.csv", ident=True)
    (finding,) = _found("pieces", config).findings
    assert (finding.level, finding.code) == ("bad", "pieces")
    assert finding.settings == {"data.group": "SentenceId"}
    assert finding.rows == 540
    grouped = with_values(config, finding.settings)
    (after,) = _found("pieces", grouped).findings
    assert (after.level, after.settings) == ("ok", {})


def test_pieces_without_a_column_are_found_by_what_they_hold(tmp_path: Path) -> None:
    config = _phrases(tmp_path / "phrases.csv", ident=False)
    loaded = _load(config)
    (finding,) = _found("pieces", config, loaded).findings
    assert (finding.level, finding.settings) == ("bad", {})
    assert "no column" in finding.text
    piece, whole = (loaded.dataset.texts[int(at)] for at in finding.kept[:2])
    assert f" {piece} " in f" {whole} "


def test_given_parts_that_share_no_text_are_no_random_split(tmp_path: Path) -> None:
    config = _phrases(tmp_path / "phrases.csv", ident=False)
    loaded = _load(config)
    half = np.arange(540) < 270
    parts = replace(loaded.dataset, parts=np.where(half, 0, 1).astype(np.int8))
    (fine,) = _found("pieces", config, replace(loaded, dataset=parts)).findings
    assert fine.level == "ok"
    mixed = replace(loaded.dataset, parts=(np.arange(540) % 2).astype(np.int8))
    (leaky,) = _found("pieces", config, replace(loaded, dataset=mixed)).findings
    assert leaky.level == "bad"
    assert "given parts" in leaky.text


def _in_parts(path: Path, shared: bool) -> tuple[RunConfig, Loaded]:
    """Sentences of 30 writers, the last third of the rows a given test part, with writers of its own or not."""
    draw = np.random.RandomState(12)
    rows = [f"{_sentence(draw)},{'ab'[n % 2]},u{n % 30 if shared else n // 10}" for n in range(300)]
    config = with_values(_write(path, "text,label,user", rows), {"data.group": "user"})
    loaded = _load(config)
    parts = np.array([0] * 160 + [1] * 40 + [2] * 100, dtype=np.int8)
    return config, replace(loaded, dataset=replace(loaded.dataset, parts=parts))


def test_groups_that_given_parts_share_are_found_and_mended(tmp_path: Path) -> None:
    config, loaded = _in_parts(tmp_path / "a.csv", shared=True)
    (pieces,) = _found("pieces", config, loaded).findings
    assert (pieces.level, pieces.rows, pieces.settings) == ("bad", 300, {"split.method": "grouped"})
    assert pieces.text == "30 groups of 'user' in several of the given parts (300 rows)"
    copies, leak = _found("leaks", config, loaded).findings
    assert (copies.level, leak.level, leak.code) == ("ok", "bad", "group-leak")
    assert leak.text == "140 of 140 held-out rows are of a group that is trained on too"
    assert leak.kept.tolist() == list(range(160, 300))
    mended = with_values(config, leak.settings)
    for check in ("pieces", "leaks"):
        assert [one.level for one in _found(check, mended, loaded).findings] == ["ok"]


def test_given_parts_with_groups_of_their_own_are_fine(tmp_path: Path) -> None:
    config, loaded = _in_parts(tmp_path / "a.csv", shared=False)
    (pieces,) = _found("pieces", config, loaded).findings
    assert (pieces.level, pieces.text) == ("ok", "the given parts keep rows of one 'user' together")
    assert [one.level for one in _found("leaks", config, loaded).findings] == ["ok"]


def test_the_column_that_ties_pieces_is_found_whatever_the_record_numbers(tmp_path: Path) -> None:
    """Record numbers say where a row stood, and need not ascend."""
    config = _phrases(tmp_path / "phrases.csv", ident=True)
    plain = _load(config)
    table = replace(plain.table, rows=plain.table.rows[::-1].copy())
    (found,) = _found("pieces", config, clean(table, plain.columns, config.data)).findings
    (wanted,) = _found("pieces", config, plain).findings
    assert found.settings == wanted.settings == {"data.group": "SentenceId"}
    assert found.kept.tolist() == wanted.kept.tolist()


def test_ordinary_texts_are_no_pieces(plain: RunConfig, tmp_path: Path) -> None:
    assert [one.level for one in _found("pieces", plain).findings] == ["ok"]
    draw = np.random.RandomState(5)
    rows = [
        text
        for n in range(100)
        for text in ("ok", "thank you", f"{_sentence(draw)} ok", f"thank you {_sentence(draw)}")
    ]
    config = _write(
        tmp_path / "short.csv", "text,label,user", [f"{t},{'ab'[n % 2]},u{n % 40}" for n, t in enumerate(rows)]
    )
    assert [one.level for one in _found("pieces", config).findings] == ["ok"]


# leaks


def test_copies_on_both_sides_are_a_leak_only_when_asked_for(tmp_path: Path) -> None:
    draw = np.random.RandomState(6)
    texts = [_sentence(draw) for _ in range(60)] * 2
    config = _write(tmp_path / "a.csv", "text,label", [f"{text},{'ab'[n % 2]}" for n, text in enumerate(texts)])
    assert [one.level for one in _found("leaks", config).findings] == ["ok"]
    careless = with_values(config, {"split.keep_duplicates_together": False})
    found = _found("leaks", careless)
    leak = found.findings[0]
    assert (leak.level, leak.code) == ("bad", "leak")
    assert leak.settings == {"split.keep_duplicates_together": True}
    assert leak.text.startswith(f"{leak.rows} of {found.facts['held_out']} held-out rows")
    assert _found("leaks", with_values(careless, leak.settings)).findings[0].level == "ok"


def test_leaks_between_given_parts_have_a_cure(tmp_path: Path) -> None:
    draw = np.random.RandomState(7)
    texts = [_sentence(draw) for _ in range(30)]
    loaded = _load(
        _write(tmp_path / "a.csv", "text,label", [f"{t},{'ab'[n % 2]}" for n, t in enumerate([*texts, *texts[:4]])])
    )
    parts = np.array([0] * 26 + [2] * 4 + [1] * 4, dtype=np.int8)
    given = replace(loaded, dataset=replace(loaded.dataset, parts=parts))
    (leak,) = _found("leaks", RunConfig(), given).findings
    assert (leak.cure, leak.kept.tolist()) == ("drop-leaks", [30, 31, 32, 33])
    assert leak.text == "4 of 8 held-out rows repeat a training text"


def test_near_copies_across_the_border_are_told_apart_from_copies(tmp_path: Path) -> None:
    draw = np.random.RandomState(9)
    texts = [_sentence(draw) for _ in range(80)]
    rows = [text for one in texts for text in (one, f"{one} again")]
    config = _write(tmp_path / "a.csv", "text,label", [f"{text},{'ab'[n // 2 % 2]}" for n, text in enumerate(rows)])
    fine, warned = _found("leaks", config).findings
    assert (fine.level, warned.code, warned.level) == ("ok", "near-leak", "warn")
    assert 0 < warned.rows <= _found("leaks", config).facts["held_out"]


def test_data_that_cannot_be_split_has_no_leaks_and_no_baseline(tmp_path: Path) -> None:
    config = _write(tmp_path / "a.csv", "text,label", [*[f"some words {n},a" for n in range(20)], "one lonely row,b"])
    assert _found("leaks", config) == Examined()
    assert _found("baseline", config) == Examined()


# lengths


def test_lengths_are_those_that_training_would_see(plain: RunConfig, tiny_base: Path) -> None:
    from core.modelling.encoding import encode, load_tokenizer, longest_input

    config = replace(plain, model=ModelConfig(base=str(tiny_base)))
    loaded = _load(config)
    tokenizer = load_tokenizer(tiny_base)
    encoded, chosen = encode(tokenizer, list(loaded.dataset.texts), 0, longest_input(tiny_base, tokenizer))
    facts = _found("lengths", config, loaded).facts
    assert (facts["max_length"], facts["automatic"], facts["unit"]) == (chosen, True, "tokens")
    assert facts["truncated_share"] == encoded.truncated / 200
    assert len(facts["histogram"]) == 20
    roomy = replace(config, model=ModelConfig(base=str(tiny_base), max_length=64))
    assert _found("lengths", roomy, loaded).facts["p50"] >= 12


def test_a_maximum_length_that_cuts_is_warned_of_and_mended(tmp_path: Path, tiny_base: Path) -> None:
    rows = [f"{' '.join(['the film was great'] * (1 + n % 8))},{'ab'[n % 2]}" for n in range(80)]
    short = replace(
        _write(tmp_path / "a.csv", "text,label", rows), model=ModelConfig(base=str(tiny_base), max_length=16)
    )
    (finding,) = _found("lengths", short).findings
    assert (finding.level, finding.code) == ("warn", "lengths")
    assert finding.text == "62.5 % of the texts are cut at 16 tokens"
    assert finding.rows == 50
    (mended,) = _found("lengths", with_values(short, finding.settings)).findings
    assert (mended.level, mended.rows) == ("ok", 0)
    (beyond,) = _found("lengths", with_values(short, {"model.max_length": 500})).findings
    assert beyond.level == "bad"
    assert beyond.settings == finding.settings


def test_texts_beyond_the_model_are_its_limit(tmp_path: Path, tiny_base: Path) -> None:
    rows = [f"{' '.join(['the film was great'] * 40)} {n},{'ab'[n % 2]}" for n in range(20)]
    config = replace(_write(tmp_path / "a.csv", "text,label", rows), model=ModelConfig(base=str(tiny_base)))
    (finding,) = _found("lengths", config).findings
    assert finding.text == "100 % of the texts are cut at 64 tokens (the model's limit)"
    assert finding.settings == {}


@pytest.mark.parametrize("base", ["nobody/has-this-model-here", "./no/such/folder"])
def test_a_model_that_is_not_here_is_not_fetched_for_this(plain: RunConfig, base: str) -> None:
    found = _found("lengths", replace(plain, model=ModelConfig(base=base)))
    assert found.findings == []
    assert found.facts["unavailable"]


def test_a_model_without_its_tokenizer_file(plain: RunConfig, tiny_base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_base, folder)
    (folder / "tokenizer.json").write_text("{}")
    assert (
        "cannot be read" in _found("lengths", replace(plain, model=ModelConfig(base=str(folder)))).facts["unavailable"]
    )
    (folder / "tokenizer.json").unlink()
    assert "tokenizer" in _found("lengths", replace(plain, model=ModelConfig(base=str(folder)))).facts["unavailable"]


# baseline


def test_the_baseline_is_what_training_would_score(tmp_path: Path) -> None:
    draw = np.random.RandomState(11)
    rows = [f"{_sentence(draw)} {('fine', 'poor')[n % 5 < 2]},{('good', 'bad')[n % 5 < 2]}" for n in range(300)]
    config = _write(tmp_path / "a.csv", "text,label", rows)
    loaded = _load(config)
    found = _found("baseline", config, loaded)
    from core.data.split import split_rows

    dataset: Dataset = loaded.dataset
    parts = split_rows(dataset, config.split)
    model = TfidfBaseline([dataset.texts[int(at)] for at in parts.train], dataset.labels[parts.train])
    gold = dataset.labels[parts.validation]
    expected = score(gold, model.predict([dataset.texts[int(at)] for at in parts.validation]), 2)
    assert found.facts["tfidf"]["macro_f1"] == pytest.approx(expected.macro_f1)
    assert found.facts["majority"]["accuracy"] == pytest.approx(np.mean(gold == 1))
    assert found.facts["majority"]["macro_f1"] < found.facts["tfidf"]["macro_f1"]
    assert (found.facts["part"], found.facts["train_rows"]) == ("validation", len(parts.train))
    assert found.facts["validation_rows"] == len(parts.validation)


# all of them


@pytest.mark.parametrize("name", CHECKS)
def test_each_check_can_be_cancelled_and_asked_again(plain: RunConfig, tiny_base: Path, name: str) -> None:
    config = replace(plain, model=ModelConfig(base=str(tiny_base)))
    loaded, calls = _load(config), 0

    def stop(done: int, total: int, what: str) -> None:
        nonlocal calls
        calls += 1
        if calls >= 2 or name == "leaks":
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        examine(name, loaded, config, stop)
    again, fresh = _found(name, config, loaded), _found(name, config)
    assert again.facts == fresh.facts


@pytest.mark.parametrize("name", CHECKS)
def test_no_rows_no_findings(plain: RunConfig, name: str) -> None:
    config = with_values(plain, {"data.cures": ["drop-rare:999"]})
    assert _found(name, config) == Examined()


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("rows", [["x,a"], ["!!!,a", "?,b"], ["ok,a", "ok,b", "ok,a"], [f"w{n},a" for n in range(3)]])
def test_tiny_data_upsets_no_check(tmp_path: Path, tiny_base: Path, name: str, rows: list[str]) -> None:
    config = _write(tmp_path / "a.csv", "text,label", rows)
    _found(name, replace(config, model=ModelConfig(base=str(tiny_base))))


def test_an_unknown_check_is_named_with_the_nearest(plain: RunConfig) -> None:
    with pytest.raises(DataError, match="leaks"):
        examine("leak", _load(plain), plain, no_progress)


def test_a_sample_is_even_and_never_more_than_there_is() -> None:
    assert evenly(3, 10).tolist() == [0, 1, 2]
    assert evenly(100, 5).tolist() == [0, 24, 49, 74, 99]
    assert evenly(0, 5).tolist() == []


def test_what_was_examined_opens_its_rows(tmp_path: Path) -> None:
    config = _phrases(tmp_path / "phrases.csv", ident=True)
    service = DataService()
    request: dict[str, Any] = {"config": to_dict(config)}
    (finding,) = service.examine({**request, "check": "pieces"}, no_progress)["findings"]
    assert service.rows({**request, "code": "pieces"}, no_progress)["total"] == finding["rows"] == 540
    assert finding["settings"] == {"data.group": "SentenceId"}


def test_a_grouped_split_leaves_no_sentence_on_two_sides(tmp_path: Path) -> None:
    from core.data.split import split_rows

    config = with_values(_phrases(tmp_path / "phrases.csv", ident=True), {"data.group": "SentenceId"})
    dataset = _load(config).dataset
    parts = split_rows(dataset, SplitConfig())
    assert dataset.groups is not None
    sides = [set(dataset.groups[rows].tolist()) for rows in (parts.train, parts.validation, parts.test)]
    assert all(sides)
    assert len(set.union(*sides)) == sum(map(len, sides))
