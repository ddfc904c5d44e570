"""Rules for classes: leave some out, rename, merge, and settle labels that are several at once."""

from __future__ import annotations

from core.data.cures.arguments import equations, known, listed, unquoted, whole_number
from core.data.cures.rows import Rows

SEVERAL = "|"
"""What stands between several labels when a rule does not say."""


def drop_class(rows: Rows, argument: str, reason: str) -> int:
    """Leave one class out."""
    rows.drop_labels(known(rows, [argument.strip()]), reason)
    return 0


def keep_classes(rows: Rows, argument: str, reason: str) -> int:
    """Leave all other classes out."""
    rows.drop_labels(set(rows.present()) - known(rows, listed(argument)), reason)
    return 0


def check_rename(argument: str) -> str:
    """What is wrong with `OLD=NEW`."""
    return "" if equations(argument) else "it needs OLD=NEW"


def rename_class(rows: Rows, argument: str, _: str) -> int:
    """Give a class another name; one that exists takes its rows in."""
    present = rows.present()
    cuts = [(old.strip(), new) for old, new in equations(argument)]
    old, new = next((cut for cut in cuts if cut[0] in present), cuts[0])
    known(rows, [old])
    return rows.relabel([new if name == old else name for name in rows.names])


def check_merge(argument: str) -> str:
    """What is wrong with `A,B=NEW`."""
    return "" if any(listed(left) for left, _ in equations(argument)) else "it needs A,B=NEW"


def merge_classes(rows: Rows, argument: str, _: str) -> int:
    """Make one class of several."""
    present = set(rows.present())
    cuts = [(names, unquoted(new)) for left, new in equations(argument) if (names := listed(left))]
    names, new = next((cut for cut in cuts if present.issuperset(cut[0])), cuts[0])
    merged = known(rows, names)
    return rows.relabel([new if name in merged else name for name in rows.names])


def check_merge_rare(argument: str) -> str:
    """What is wrong with `N=NAME`."""
    number, _, name = argument.partition("=")
    return "" if not whole_number(number) and name.strip() else "it needs N=NAME"


def merge_rare(rows: Rows, argument: str, _: str) -> int:
    """Make one class of all those with fewer than N rows."""
    number, _, new = argument.partition("=")
    rare = _rarer(rows, int(number))
    return rows.relabel([unquoted(new.strip()) if name in rare else name for name in rows.names])


def drop_rare(rows: Rows, argument: str, reason: str) -> int:
    """Leave classes with fewer than N rows out."""
    rows.drop_labels(_rarer(rows, int(argument)), reason)
    return 0


def _rarer(rows: Rows, least: int) -> set[str]:
    return {name for name, count in rows.present().items() if count < least}


def drop_multi_label(rows: Rows, argument: str, reason: str) -> int:
    """Leave rows out whose label holds a separator."""
    separator = argument or SEVERAL
    rows.drop_labels({name for name in rows.names if separator in name}, reason)
    return 0


def keep_first_label(rows: Rows, argument: str, _: str) -> int:
    """Keep the first of several labels."""
    separator = argument or SEVERAL
    parts = ([part.strip() for part in name.split(separator) if part.strip()] for name in rows.names)
    return rows.relabel([several[0] if several else name for several, name in zip(parts, rows.names, strict=True)])
