"""The bundled sample: enough different sentences, in the shares its card names, none a copy of another."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter, defaultdict
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "core" / "data" / "samples"


def _rows() -> list[dict[str, str]]:
    return [json.loads(line) for line in (FOLDER / "reviews.jsonl").read_text(encoding="utf-8").splitlines()]


def _trigrams(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[at : at + 3]) for at in range(len(words) - 2)}


def test_size_and_balance() -> None:
    counts = Counter(row["label"] for row in _rows())
    total = counts.total()
    assert total >= 1200
    assert set(counts) == {"negative", "neutral", "positive"}
    assert 0.35 <= counts["negative"] / total <= 0.45
    assert 0.15 <= counts["neutral"] / total <= 0.25


def test_no_sentence_twice_whatever_its_case_and_stops() -> None:
    keys = Counter(" ".join(re.findall(r"\w+", row["text"].lower())) for row in _rows())
    assert not [key for key, count in keys.items() if count > 1]


def test_no_near_duplicates() -> None:
    """No two sentences share half of the word trigrams of the shorter one (of at least four trigrams)."""
    grams = [_trigrams(row["text"]) for row in _rows()]
    places = defaultdict(list)
    for number, found in enumerate(grams):
        for gram in found:
            places[gram].append(number)
    shared = Counter(pair for numbers in places.values() for pair in itertools.combinations(numbers, 2))
    near = [
        pair
        for pair, count in shared.items()
        if (shorter := min(len(grams[pair[0]]), len(grams[pair[1]]))) >= 4 and count >= shorter / 2
    ]
    assert not near


def test_no_template_openings() -> None:
    """No opening of four words is used more than four times."""
    openings = Counter(tuple(re.findall(r"\w+", row["text"].lower())[:4]) for row in _rows())
    assert max(openings.values()) <= 4


def test_the_card_states_the_counts() -> None:
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    counts = Counter(row["label"] for row in _rows())
    assert f"{counts.total():,}".replace(",", " ") in card
    for label, count in counts.items():
        assert re.search(rf"\| {label} \| {count} \|", card)


def test_lengths_vary_as_people_write() -> None:
    lengths = sorted(len(row["text"].split()) for row in _rows())
    assert lengths[0] <= 4
    assert lengths[-1] >= 45
    assert lengths[len(lengths) // 10] <= 9
    assert lengths[-len(lengths) // 10] >= 22
