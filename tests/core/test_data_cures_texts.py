"""What is stripped from texts: by the file, in training, and whenever the model is asked; and when it is offered."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config import DataConfig
from core.data.dataset import load, load_dataset
from core.data.health import findings
from core.data.health.finding import Finding
from core.data.texts import matching
from core.errors import RunError
from core.inference.export import export_onnx
from core.inference.predictor import open_predictor
from core.runs import Run
from core.runs.atomic import commit_dir
from core.text_rules import TEXT_RULES, apply, text_rules_of
from tests.tiny import tiny_run


@pytest.mark.parametrize(
    ("kind", "text", "left"),
    [
        ("urls", "great https://x.y", "great"),
        ("urls", "see HTTP://a.b/c?d=e&f#g, it is good.", "see , it is good."),
        ("urls", "www.foo.com\nsecond line", "second line"),
        ("urls", "cut off https://t.co/abc… here", "cut off here"),
        ("urls", "看http://t.cn/abc很好", "看 很好"),
        ("urls", "no address: http, www, a.b://", "no address: http, www, a.b://"),
        ("mentions", ".@tate and @british_museum: wow", ". and : wow"),
        ("mentions", "hello @someone@mastodon.social !", "hello !"),
        (
            "mentions",
            "mail me@x.com, @ 5, 2 @ 3, https://medium.com/@me",
            "mail me@x.com, @ 5, 2 @ 3, https://medium.com/@me",
        ),
        ("html", "line<br />line, <b class='x'>very</b> good", "line line, very good"),
        ("html", "un<b>believ</b>able <!-- note --><P>yes</P>", "unbelievable yes"),
        ("html", "i <3 you, <unk>, if a <b and c> d, x < y > z", "i <3 you, <unk>, if a <b and c> d, x < y > z"),
        ("emails", "write to joe.b+c@ex-a.co.uk.", "write to ."),
        ("emails", "@me@mastodon.social a@b", "@me@mastodon.social a@b"),
    ],
)
def test_what_is_stripped_and_what_stays(kind: str, text: str, left: str) -> None:
    assert apply(text, (kind,)) == left


def test_a_text_with_nothing_to_strip_stays_to_the_blank() -> None:
    assert apply("  two  blanks\t\n and  more ", tuple(TEXT_RULES)) == "  two  blanks\t\n and  more "


def test_the_rules_of_cures_in_order() -> None:
    cures = ("drop-class:x", "strip:URLs, html", "drop-duplicates", " strip :mentions", "rename-class:strip:urls=x")
    assert text_rules_of(cures) == ("urls", "html", "mentions")


ODD = (
    "http:// https://x.y WWW. www. @ @me a@b.c < <b> </a> <br/> <!-- --> > ' =\" = "  # what patterns are made of,
    "word ſ İ é 看 1 . ! / - K"  # and letters that change their length or kind with their case
).split()
PIECES = st.lists(st.sampled_from([*ODD, " ", "\n", "\t", "\xa0"]), max_size=12).map("".join)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(PIECES, st.text(max_size=12)), min_size=1, max_size=8))
def test_the_sign_misses_no_text(texts: list[str]) -> None:
    sound = [text.encode("utf-8", "replace").decode() for text in texts]
    for rule in TEXT_RULES.values():
        found = np.array([rule.pattern.search(text) is not None for text in sound])
        assert not (found & ~matching(sound, rule.sign)).any()


def test_long_hostile_texts_take_no_time_to_speak_of() -> None:
    for piece in ("<a a=", "<!--", "www.", "a@", "@1", '<a b="', "http://", "a-", "<b ", "a." * 9, "@a@"):
        for kind in TEXT_RULES:
            apply(piece * 20_000, (kind,))  # a pattern that backtracks would be at it for hours


ROWS = ["@me a fine day http://t.co/x", "http://t.co/y", "nothing of the kind", "<p>so-so</p>", "@me", "A fine day"]


def _write(path: Path, texts: list[str]) -> DataConfig:
    path.write_text("text\tlabel\n" + "".join(f"{text}\t{'ab'[n % 2]}\n" for n, text in enumerate(texts)))
    return DataConfig(source=str(path))


def _load(path: Path, *cures: str) -> dict[str, object]:
    config = _write(path, ROWS)
    dataset = load_dataset(DataConfig(source=config.source, cures=cures))
    assert dataset.read == len(dataset.texts) + sum(dataset.dropped.values())
    return {"texts": dataset.texts, "dropped": dataset.dropped, "effects": dataset.effects}


def test_the_file_s_texts_are_stripped_and_empty_ones_left_out(tmp_path: Path) -> None:
    assert _load(tmp_path / "a.tsv", "strip:urls,mentions") == {
        "texts": ["a fine day", "nothing of the kind", "<p>so-so</p>", "A fine day"],
        "dropped": {"empty text": 2},
        "effects": {"strip:urls,mentions": 3},
    }


def test_later_rules_see_what_is_left(tmp_path: Path) -> None:
    found = _load(tmp_path / "a.tsv", "keep-classes:a,b", "drop-conflicts", "strip:urls,mentions", "drop-conflicts")
    assert found["texts"] == ["nothing of the kind", "<p>so-so</p>"]
    assert found["effects"] == {"keep-classes:a,b": 0, "drop-conflicts": 2, "strip:urls,mentions": 3}


def test_each_row_is_stripped_as_one_text_alone_would_be(tmp_path: Path) -> None:
    cures = ("strip:html", "strip:urls,mentions")
    alone = [apply(text, text_rules_of(cures)) for text in ROWS]
    assert _load(tmp_path / "a.tsv", *cures)["texts"] == [text for text in alone if text]


def _found(path: Path, odd: str, count: int, *cures: str) -> dict[str, Finding]:
    config = _write(path, [f"{odd if n < count else ''} the text number {n}" for n in range(400)])
    return {one.code: one for one in findings(load(DataConfig(source=config.source, cures=cures)))}


@pytest.mark.parametrize(
    ("kind", "odd", "least", "level"),
    [
        ("urls", "http://t.co/x", 4, "ok"),
        ("mentions", "@me", 4, "ok"),
        ("html", "<br />", 2, "warn"),
    ],
)
def test_stripping_is_offered_from_a_share_on(tmp_path: Path, kind: str, odd: str, least: int, level: str) -> None:
    assert kind not in _found(tmp_path / "a.tsv", odd, least - 1)
    found = _found(tmp_path / "a.tsv", odd, least)
    one = found[kind]
    assert (one.level, one.rows, one.cure) == (level, least, f"strip:{kind}")
    assert one.kept.tolist() == list(range(least))
    assert not set(found) & (set(TEXT_RULES) - {kind})
    assert kind not in _found(tmp_path / "a.tsv", odd, least, one.cure)


def test_a_large_file_is_counted_whole_once_a_sample_says_so(tmp_path: Path) -> None:
    texts = [f"{'@me' if n % 7 == 0 else ''} number {n} {'www.x.y' if n % 3000 == 0 else ''}" for n in range(50_000)]
    found = {one.code: one for one in findings(load(_write(tmp_path / "a.tsv", texts)))}
    assert found["mentions"].rows == len(range(0, 50_000, 7))
    assert "urls" not in found


def _with_rules(run: Run, rules: object) -> None:
    """The same model, trained on texts stripped by `rules`."""
    kept = {path.name: path.read_bytes() for path in run.model_path.iterdir() if path.name != "manifest.json"}
    kept["finetui.json"] = json.dumps({**json.loads(kept["finetui.json"]), "text_rules": rules}).encode()
    with commit_dir(run.model_path) as folder:
        for name, content in kept.items():
            (folder / name).write_bytes(content)


def test_the_model_is_asked_what_it_was_trained_on(tmp_path: Path) -> None:
    run = tiny_run(tmp_path)
    texts = ["great", "great https://x.y", "@me great"]
    before = open_predictor(run.path).predict(texts).probabilities
    assert np.abs(before[1] - before[0]).max() > 0.001, "a run without rules reads every word"
    _with_rules(run, ["urls", "mentions"])
    slow = open_predictor(run.path)
    export_onnx(run)
    fast = open_predictor(run.path)
    assert (slow.engine, fast.engine) == ("torch", "onnx")
    for predictor in (slow, fast):
        asked = predictor.predict([*texts, "https://x.y", ""]).probabilities
        np.testing.assert_allclose(asked[1], asked[0], atol=1e-6)
        np.testing.assert_allclose(asked[2], asked[0], atol=1e-6)
        np.testing.assert_allclose(asked[3], asked[4], atol=1e-6)
        np.testing.assert_allclose(asked[0], before[0], atol=1e-4)
    _with_rules(run, ["urls"])
    assert open_predictor(run.path).engine == "torch", "a graph that strips otherwise must not answer"


@pytest.mark.parametrize("rules", [["emoji"], "urls", [{}]])
def test_rules_of_a_newer_version_are_refused(tmp_path: Path, rules: object) -> None:
    run = tiny_run(tmp_path)
    _with_rules(run, rules)
    with pytest.raises(RunError) as caught:
        open_predictor(run.path)
    assert "text_rules" in caught.value.message
    assert "version" in caught.value.next_step
