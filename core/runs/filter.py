"""Which runs of a list to show, in the words of a person.

    otter "my data"          each word stands in the name, data, model, tags, note or state
    f1>.85 accuracy>=90%     validation scores: f1, accuracy, worst
    time>10m                 how long it trained: s, m, h, d
    data:smile model:bert tag:baseline note:try parent:otter name:owl state:paused
    is:starred               or archived, live, damaged
    before:2026-11-01        when it was made, and after: the day itself included; also 2026-11, 2026, today, 7d
    -tag:old  not state:failed

All must hold. Text is compared without case; `tag:` wants the whole tag, or its beginning before a `*`.
"""

from __future__ import annotations

import difflib
import math
import re
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta

from core.errors import ConfigError
from core.runs.ranking import best_names
from core.runs.run import RunState
from core.runs.summary import Summary
from core.text import safe, shorten

LONGEST = 2000
"""Characters of a filter."""


class FilterError(ConfigError):
    """A part of a filter that means nothing."""


Holds = Callable[[Summary, frozenset[str]], bool]
"""Whether a run stays in the list; told the names of the starred ones."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What must hold for a run to be shown. `problem` says what was passed over, when that was allowed."""

    conditions: tuple[Holds, ...] = ()
    asks_archived: bool = False
    """Whether it says itself what becomes of archived runs: else they are left out."""
    problem: str = ""

    def apply(self, summaries: Iterable[Summary], *, archived: bool = False) -> list[Summary]:
        """The runs that stay, in their order; those that were put aside only when `archived` or asked for."""
        everyone = [one for one in summaries if archived or self.asks_archived or not one.is_archived]
        stars = frozenset(best_names(everyone))
        return [one for one in everyone if all(holds(one, stars) for holds in self.conditions)]


_QUOTED = r'"[^"]*"?'
_WORD = rf'(?:{_QUOTED}|[^\s"])+'
_TOKEN = re.compile(
    rf"""(?P<minus>-?)(?P<key>[A-Za-z]\w*)(?:(?P<colon>:)\s?(?={_QUOTED}|[^\s"]|\s*$)|\s*(?P<sign>>=|<=|!=|=|>|<)\s*)"""
    rf"""(?P<value>{_WORD})?(?=\s|$)|(?P<word>{_WORD})"""
)


def parse(text: str, *, is_typed: bool = False) -> Filter:
    """The filter that `text` describes. `is_typed`: its last word may still grow, so it is no error.

    Raises `FilterError` that names the wrong word and the nearest right one; not when `is_typed`: then wrong words
    narrow nothing, and `problem` tells of one that will not become right.
    """
    if len(text) > LONGEST:
        wrong = FilterError("This filter is too long", f"{len(text)} characters; it has {LONGEST} at most.")
        if not is_typed:
            raise wrong
        return Filter(problem=wrong.title)
    conditions: list[Holds] = []
    asks_archived, negated, problem = False, False, ""
    for token in _TOKEN.finditer(text):
        is_last = is_typed and token.end() == len(text)
        if (token["word"] or "").lower() == "not" and not is_last:
            negated = not negated
            continue
        try:
            holds, says_no, about = _condition(token, is_last)
        except FilterError as wrong:
            if not is_typed:
                raise
            problem = problem or ("" if is_last else wrong.title)
            negated = False
            continue
        if holds is not None:
            conditions.append(_not(holds) if says_no != negated else holds)
            asks_archived |= about == "archived"
        negated = False
    if negated and not is_typed:
        raise FilterError("'not' stands before nothing", next_step="not tag:old")
    return Filter(tuple(conditions), asks_archived, problem)


def _condition(token: re.Match[str], is_last: bool) -> tuple[Holds | None, bool, str]:
    """(what must hold, whether it is denied, what `is:` asks about) of one part."""
    if token["word"] is not None:
        word = token["word"]
        denied = len(word) > 1 and word.startswith("-")
        bare = _plain(word[denied:])
        if is_last and bare in ("-", "not", ""):
            return None, False, ""
        return _has_word(bare), denied, ""
    key, value, part = token["key"].lower(), _plain(token["value"] or ""), token[0]
    denied = bool(token["minus"])
    if token["sign"] is not None:
        return _compares(key, token["sign"], value, part), denied, ""
    if key not in _WAYS:
        if key in (*_NUMBERS, "acc"):
            raise FilterError(f"{_shown(part)}: {key} is a number", next_step=f"{key}>{value or '.85'}")
        raise _unknown(key, part, [*_WAYS, *_NUMBERS])
    if not value:
        raise FilterError(f"{_shown(part)}: nothing stands after the colon", next_step=_EXAMPLES[key])
    return _WAYS[key](value, part, is_last), denied, value.lower() if key == "is" else ""


def _not(holds: Holds) -> Holds:
    return lambda one, stars: not holds(one, stars)


def _plain(word: str) -> str:
    return word.replace('"', "")


def _shown(part: str) -> str:
    return repr(safe(shorten(part.strip(), 60)))


def _unknown(what: str, part: str, known: Iterable[str]) -> FilterError:
    names = list(known)
    near = difflib.get_close_matches(what.lower()[:40], names, n=1, cutoff=0.5)
    step = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(names)}"
    return FilterError(f"{_shown(part)}: there is no {safe(shorten(what, 40))!r}", next_step=step)


def _has_word(word: str) -> Holds:
    low = word.lower()

    def holds(one: Summary, _: frozenset[str]) -> bool:
        texts = (one.name, one.data, one.base, _state(one), one.note, *one.tags)
        return any(low in text.lower() for text in texts)

    return holds


def _state(one: Summary) -> str:
    return "damaged" if one.problem else str(one.state)


# Numbers

_NUMBERS: dict[str, Callable[[Summary], float | None]] = {
    "f1": lambda one: one.macro_f1,
    "accuracy": lambda one: one.accuracy,
    "worst": lambda one: one.worst_f1,
    "time": lambda one: one.seconds,
}
_SIGNS: dict[str, Callable[[float, float], bool]] = {
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
_NUMBER = re.compile(r"(\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})(%|s|m|min|h|d)?")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def _compares(key: str, sign: str, value: str, part: str) -> Holds:
    key = "accuracy" if key == "acc" else key
    if key not in _NUMBERS:
        if key in _WAYS:
            raise FilterError(f"{_shown(part)}: {key} is no number", next_step=_EXAMPLES[key])
        raise _unknown(key, part, _NUMBERS)
    found = _NUMBER.fullmatch(value)
    unit = found[2] if found else None
    if found is None or (unit is not None and (unit == "%") == (key == "time")):
        what = "a time, as in 10m, 90s or 2h" if key == "time" else "a share of 1, as in .85 or 85%"
        raise FilterError(f"{_shown(part)}: {_shown(value) if value else 'nothing'} is not {what}")
    limit = float(found[1]) * (0.01 if unit == "%" else _SECONDS.get(str(unit), 1))
    read, compare = _NUMBERS[key], _SIGNS[sign]
    digits = 3 if sign in ("=", "!=") and key != "time" else 12  # as the list shows it

    def holds(one: Summary, _: frozenset[str]) -> bool:
        mine = read(one)
        return mine is not None and math.isfinite(mine) and compare(round(mine, digits), round(limit, 12))

    return holds


# Words behind a colon


def _text(read: Callable[[Summary], str]) -> Callable[[str, str, bool], Holds]:
    def way(value: str, part: str, is_last: bool) -> Holds:
        low = value.lower()
        return lambda one, _: low in read(one).lower()

    return way


def _tag(value: str, part: str, is_last: bool) -> Holds:
    low = value.lower()
    if low.endswith("*") or is_last:
        begin = low.removesuffix("*")
        return lambda one, _: any(tag.lower().startswith(begin) for tag in one.tags)
    return lambda one, _: low in (tag.lower() for tag in one.tags)


def _in_state(value: str, part: str, is_last: bool) -> Holds:
    low, known = value.lower(), [*map(str, RunState), "damaged"]
    if low not in known:
        raise _unknown(value, part, known)
    return lambda one, _: _state(one) == low


_KINDS: dict[str, Holds] = {
    "starred": lambda one, stars: one.name in stars,
    "archived": lambda one, _: one.is_archived,
    "live": lambda one, _: one.state.is_live,
    "damaged": lambda one, _: bool(one.problem),
}


def _is(value: str, part: str, is_last: bool) -> Holds:
    if value.lower() not in _KINDS:
        raise _unknown(value, part, _KINDS)
    return _KINDS[value.lower()]


def _before(value: str, part: str, is_last: bool) -> Holds:
    limit = _moment(value, part)
    return lambda one, _: one.created < limit


def _after(value: str, part: str, is_last: bool) -> Holds:
    limit = _moment(value, part)
    return lambda one, _: one.created >= limit


def _moment(value: str, part: str) -> float:
    """The beginning of a day, month or year in local time; or so long ago, as unix time."""
    ago = re.fullmatch(r"(\d{1,6})([smhd])", value.lower())
    if ago:
        return time.time() - int(ago[1]) * _SECONDS[ago[2]]
    today = date(*time.localtime()[:3])
    if value.lower() in ("today", "yesterday"):
        return time.mktime((today - timedelta(days=value.lower() == "yesterday")).timetuple())
    found = re.fullmatch(r"([1-9]\d{3})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", value)
    with suppress(ValueError, OverflowError):  # the 31st of a short month; a year before there were clocks
        if found:
            return time.mktime(date(int(found[1]), int(found[2] or 1), int(found[3] or 1)).timetuple())
    raise FilterError(f"{_shown(part)}: {_shown(value)} is no day", next_step="2026-11-01, 2026-11, today, 7d")


_WAYS: dict[str, Callable[[str, str, bool], Holds]] = {
    "data": _text(lambda one: one.data),
    "model": _text(lambda one: one.base),
    "name": _text(lambda one: one.name),
    "note": _text(lambda one: one.note),
    "parent": _text(lambda one: one.parent),
    "tag": _tag,
    "state": _in_state,
    "is": _is,
    "before": _before,
    "after": _after,
}
_EXAMPLES = {
    "data": "data:smile", "model": "model:bert", "name": "name:otter", "note": "note:try", "parent": "parent:otter",
    "tag": "tag:baseline", "state": "state:paused", "is": "is:starred", "before": "before:2026-11-01",
    "after": "after:2026-11-01",
}  # fmt: skip
