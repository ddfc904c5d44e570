"""Stand-ins for the data of the write-ups that is not public, of the same shape, made from public data sets.

python -m tests.benchmarks.standins --data-folder DIR --out FOLDER

`online_reviews.csv` and `app_reviews.csv` are real reviews with their stars (musical instruments), drawn to the shares
of the originals and short, so that two cores can train on them. `phrases.tsv` has real sentences (SST-2) cut into the
nested pieces that Kaggle's phrases are; the sentiment of a piece is made up from its sentence's and from words that
lean to one side, so scores on it say nothing about sentiment: it is there for its shape and for its leak.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from pathlib import Path

import numpy as np

SEED = 17
LONGEST = 60
"""Words of a review at most."""

ONLINE = {"1": 75, "2": 75, "3": 100, "4": 300, "5": 700}
APP = {"1": 150, "2": 150, "3": 300, "4": 150, "5": 190}
SENTENCES = 200
LEAST_WORDS = 8


def reviews(folder: Path) -> list[tuple[str, str]]:
    """(text, stars) of every short review."""
    path = next((folder / "amazon_musical_instruments").glob("*.csv"))
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row["reviewText"], str(int(float(row["overall"])))) for row in csv.DictReader(file)]
    return [(text, stars) for text, stars in rows if 3 <= len(text.split()) <= LONGEST]


def drawn(rows: list[tuple[str, str]], wanted: dict[str, int]) -> list[tuple[str, str]]:
    """At most so many rows of each number of stars, in random order."""
    order = np.random.RandomState(SEED).permutation(len(rows))
    left, found = dict(wanted), []
    for at in order.tolist():
        text, stars = rows[at]
        if left.get(stars, 0) > 0:
            left[stars] -= 1
            found.append((text, stars))
    return found


def sentences(folder: Path) -> list[tuple[str, int]]:
    """(sentence, 0 or 1) of the training part."""
    found = []
    for line in (folder / "sst2_sentence" / "train.tsv").read_text(encoding="utf-8").splitlines():
        first, _, second = line.partition("\t")
        text, label = (first, second) if second in ("0", "1") else (second, first)
        if label in ("0", "1"):
            found.append((text, int(label)))
    return found


def leaning(rows: list[tuple[str, int]]) -> dict[str, float]:
    """How much more often a word stands in positive sentences than in negative ones, -1 to 1."""
    sides = [Counter(word for text, label in rows if label == side for word in set(text.split())) for side in (0, 1)]
    words = {word for word in sides[0] | sides[1] if sides[0][word] + sides[1][word] >= 8}
    return {word: (sides[1][word] - sides[0][word]) / (sides[1][word] + sides[0][word]) for word in words}


def pieces(words: list[str]) -> list[tuple[int, int]]:
    """Spans of the sentence, its halves, their halves and so on down to single words, as a parse would nest them."""
    waiting, found = [(0, len(words))], []
    while waiting:
        start, end = waiting.pop(0)
        found.append((start, end))
        if end - start > 1:
            middle = (start + end + 1) // 2
            waiting += [(start, middle), (middle, end)]
    return found


def phrases(rows: list[tuple[str, int]]) -> list[tuple[int, int, str, int]]:
    """(PhraseId, SentenceId, Phrase, Sentiment 0 to 4), like Kaggle's train.tsv."""
    leans, found = leaning(rows), []
    order = np.random.RandomState(SEED).permutation(len(rows)).tolist()
    long = [rows[at] for at in order if len(rows[at][0].split()) >= LEAST_WORDS]
    for number, (text, label) in enumerate(long[:SENTENCES], 1):
        words, seen = text.split(), set()
        for start, end in pieces(words):
            phrase = " ".join(words[start:end])
            if phrase in seen:
                continue
            seen.add(phrase)
            lean = sum(leans.get(word, 0.0) for word in words[start:end]) + (label - 0.5) * (end - start) / len(words)
            sentiment = int(np.digitize(lean, (-1.2, -0.35, 0.35, 1.2)))
            found.append((len(found) + 1, number, phrase, sentiment))
    return found


def make(folder: Path, out: Path) -> dict[str, Path]:
    """Write the three files and return them by the write-up they stand for."""
    out.mkdir(parents=True, exist_ok=True)
    rows = reviews(folder)
    names = {"online-reviews": out / "online_reviews.csv", "app-reviews": out / "app_reviews.csv"}
    for name, heads, wanted in (
        ("online-reviews", ("review", "stars"), ONLINE),
        ("app-reviews", ("content", "score"), APP),
    ):
        with names[name].open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([heads, *drawn(rows, wanted)])
    names["movie-reviews"] = out / "phrases.tsv"
    with names["movie-reviews"].open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerows([("PhraseId", "SentenceId", "Phrase", "Sentiment"), *phrases(sentences(folder))])
    return names


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.standins", description=__doc__)
    parser.add_argument("--data-folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    for name, path in make(given.data_folder, given.out).items():
        print(f"{name:<16} {path}")


if __name__ == "__main__":
    main()
