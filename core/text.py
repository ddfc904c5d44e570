"""What may reach a terminal.

Data, model names, file names and error messages are hostile until they have passed `safe()`: a tweet may hold an
escape sequence that sets the clipboard (OSC 52), a bidirectional override that turns a line around, or half a
surrogate pair that no encoder accepts.
"""

from __future__ import annotations

import re

# C0 but tab and newline become their visible pictures (U+2400 block), so that nothing vanishes silently.
_PICTURES = {code: chr(0x2400 + code) for code in range(0x20) if code not in (0x09, 0x0A)} | {0x7F: "\u2421"}

# C1 controls (8-bit CSI and OSC among them), lone surrogates, line and paragraph separators, non-characters.
_REPLACED = re.compile("[\x80-\x9f\ud800-\udfff\u2028\u2029\ufff9-\ufffb\ufffe\uffff]")

# Invisible characters: bidirectional controls reorder a line; joiners and zero-width marks make a terminal and the
# library that counts cells disagree about how wide a line is. Tags (U+E0000) can carry hidden text.
_DROPPED = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def safe(text: object, *, newlines: bool = False) -> str:
    """`text` with everything taken out that could act on a terminal or upset a layout.

    Control characters become visible pictures, invisible ones are dropped. Line ends become spaces unless
    `newlines` is true; tabs always become spaces. Idempotent: `safe(safe(x)) == safe(x)`.
    """
    clean = str(text)
    if clean.isascii() and clean.isprintable():
        return clean
    clean = clean.replace("\r\n", "\n").replace("\t", " ")
    if not newlines:
        clean = clean.replace("\n", " ")
    clean = clean.translate(_PICTURES)
    return _DROPPED.sub("", _REPLACED.sub("\ufffd", clean))


def shorten(text: str, width: int) -> str:
    """`text` cut to at most `width` characters, the last one `…` when something was cut."""
    if len(text) <= width:
        return text
    return text[: max(width - 1, 0)] + "…" if width > 0 else ""
