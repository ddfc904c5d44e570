"""The names that people give to columns of text, of labels and of other things."""

from __future__ import annotations

import re

TEXT_WORDS = (
    "text",
    "sentence",
    "tweet",
    "review",
    "comment",
    "content",
    "message",
    "body",
    "phrase",
    "utterance",
    "document",
    "question",
    "query",
    "post",
    "headline",
    "description",
    "title",
    "summary",
    "feedback",
    "sms",
)
"""The likeliest first."""

LABEL_WORDS = (
    "labeltext",
    "labelname",
    "label",
    "labels",
    "class",
    "category",
    "sentiment",
    "emotion",
    "target",
    "polarity",
    "intent",
    "topic",
    "stance",
    "rating",
    "stars",
    "overall",
    "score",
    "gold",
)
"""The likeliest first."""

GROUP_WORDS = (
    "group",
    "sentenceid",
    "documentid",
    "docid",
    "threadid",
    "userid",
    "user",
    "author",
    "reviewerid",
    "asin",
)

OTHER_WORDS = (
    "id",
    "idx",
    "index",
    "date",
    "time",
    "timestamp",
    "lang",
    "language",
    "split",
    "fold",
    "source",
    "domain",
)


def plain(name: str) -> str:
    """A column name in lower case without marks: `Review_Text` -> `reviewtext`."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def words_of(name: str) -> list[str]:
    """The words of a column name: `airline_sentiment`, `reviewText` -> [`airline`, `sentiment`], [`review`, `text`]."""
    return re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())


def rank(name: str, known: tuple[str, ...]) -> int:
    """How well a column name fits a list: the place in it, or after its end by the last word; -1 for not at all."""
    if plain(name) in known:
        return known.index(plain(name))
    last = words_of(name)[-1:]
    return len(known) + known.index(last[0]) if last and last[0] in known else -1
