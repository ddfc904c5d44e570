"""Figures and texts as people read them in a narrow terminal: scores, durations, sizes, bars, cut texts.

Pure functions of their arguments. What is unknown (`None`, NaN) reads `–`, never `nan`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

UNKNOWN = "–"
THIN = "\u2009"
"""A thin space, one cell wide: it groups the digits of counts."""

_EIGHTHS = " ▏▎▍▌▋▊▉"


def unicode_terminal() -> bool:
    """Whether the locale lets us draw with braille and blocks.

    Unset variables count as UTF-8: so start containers whose terminals have spoken nothing else for years.
    """
    named = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or ""
    if named.upper() in ("C", "POSIX"):
        return False
    _, dot, codeset = named.partition(".")
    return not dot or codeset.split("@")[0].lower().replace("-", "") == "utf8"


def score(value: float | None) -> str:
    """A share of 1 with three digits and no leading zero: `.884`, `1.00`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    text = f"{value:.3f}"
    return "1.00" if text == "1.000" else text.replace("0.", ".", 1)


def share(value: float | None) -> str:
    """A share of 1 as per cent: `9 %`."""
    return UNKNOWN if value is None or not math.isfinite(value) else f"{value * 100:.0f} %"


def count(number: int) -> str:
    """A count with its digits in groups of three: `1 481`."""
    return f"{number:,}".replace(",", THIN)


def rate(value: float | None) -> str:
    """So many per second, three digits at most: `9.4`, `126`, `3.1k`, `12k`, `1.2M`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    for limit, unit in ((1e3, ""), (1e6, "k"), (1e9, "M")):
        if abs(value) < limit * 0.9995:
            scaled = value / (limit / 1e3)
            return f"{scaled:.1f}{unit}" if abs(scaled) < 9.95 else f"{scaled:.0f}{unit}"
    return f"{value / 1e9:.1f}G"


def small(value: float | None) -> str:
    """A learning rate or a norm: `3.1e-5`, `0.52`, `1.2`, `140`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value == 0:
        return "0"
    if not 1e-3 <= abs(value) < 1e4:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    return f"{value:.3f}" if abs(value) < 0.1 else f"{value:.2f}" if abs(value) < 1 else f"{value:.3g}"


def size(count_of_bytes: float | None) -> str:
    """Bytes in the unit that fits: `512 MiB`, `1.1 GiB`: powers of 1024, as `finetui doctor` says it."""
    if count_of_bytes is None or not math.isfinite(count_of_bytes):
        return UNKNOWN
    value = float(count_of_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 999.5:
            return f"{value:.1f} {unit}" if unit == "GiB" and value < 99.5 else f"{value:.0f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def clock(seconds: float | None) -> str:
    """A running time: `00:41`, `12:05`, `1:02:03`, `2 d 03:10`."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return "--:--"
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours >= 48:
        return f"{hours // 24} d {hours % 24:02}:{minutes:02}"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def span(seconds: float | None) -> str:
    """A duration in one unit: `0.3 s`, `41 s`, `12 min`, `2.1 h`, `3 d`."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return UNKNOWN
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} d"


def age(seconds: float) -> str:
    """How long ago: `now`, `41 s`, `12 min`, `2 h`, `3 d`, `5 mo`, `2 y`."""
    for limit, unit, name in ((90, 1, "s"), (5400, 60, "min"), (129600, 3600, "h"), (5184000, 86400, "d")):
        if seconds < limit:
            return "now" if seconds < 5 else f"{seconds / unit:.0f} {name}"
    months = seconds / 2629800
    return f"{months:.0f} mo" if months < 23.5 else f"{months / 12:.0f} y"


def bar(part: float | None, width: int, *, unicode: bool | None = None) -> str:
    """`part` of 1 as a bar of exactly `width` cells, in eighths of a cell (in `#` where there is no UTF-8)."""
    if part is None or not math.isfinite(part):
        part = 0.0
    part = min(max(part, 0.0), 1.0)
    if not (unicode_terminal() if unicode is None else unicode):
        full = round(part * width)
        return ("#" * full).ljust(width, ".")
    full, eighths = divmod(round(part * width * 8), 8)
    if full == eighths == 0 and part > 0:
        eighths = 1
    return ("█" * full + (_EIGHTHS[eighths] if eighths else "")).ljust(width)


def width_of(text: str) -> int:
    """Terminal cells that `text` takes: two for a CJK character or an emoji."""
    return cell_len(text)


def fit(text: str, width: int, *, keep_end: bool = False) -> str:
    """`text` in at most `width` cells, with `…` where something was cut; never half a wide character."""
    if cell_len(text) <= width:
        return text
    if width <= 0:
        return ""
    mark = "…" if unicode_terminal() else "~"
    if keep_end:
        while cell_len(text) > width - 1:
            text = text[max(1, (cell_len(text) - width) // 2) :]
        return mark + text
    while cell_len(text) > width - 1:  # half the excess: each character takes two cells at most
        text = text[: -max(1, (cell_len(text) - width) // 2)]
    return text + mark


def fit_apart(texts: Sequence[str], width: int) -> list[str]:
    """Each of `texts` in at most `width` cells; those that would read the same are cut at their beginning instead."""
    cut = [fit(text, width) for text in texts]
    return [fit(text, width, keep_end=cut.count(short) > 1) for text, short in zip(texts, cut, strict=True)]


def cell(text: str, width: int, *, right: bool = False) -> str:
    """`text` cut and filled to exactly `width` cells."""
    text = fit(text, width)
    return " " * (width - cell_len(text)) + text if right else set_cell_size(text, width)
