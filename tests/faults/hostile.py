"""Strings that attack whoever shows them, and what must never come out of a program that was given them."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterable

ATTACKS: dict[str, str] = {
    "csi": "\x1b[31mred\x1b[0m",
    "clear": "\x1b[2J\x1b[H",
    "device report": "\x1b[6n\x1b[c",
    "alternate screen": "\x1b[?1049l\x1b[?25l",
    "title, bel": "\x1b]0;owned\x07",
    "title, st": "\x1b]2;owned\x1b\\",
    "link": "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "clipboard, bel": "\x1b]52;c;ZXZpbA==\x07",
    "clipboard, st": "\x1b]52;c;ZXZpbA==\x1b\\",
    "dcs": "\x1bP$q\"p\x1b\\",
    "apc": "\x1b_Gf=100;AAAA\x1b\\",
    "c1 csi": "\x9b31m",
    "c1 osc": "\x9d52;c;ZXZpbA==\x9c",
    "c1 rest": "\x80\x84\x85\x8d\x90\x98\x9e\x9f",
    "nul": "a\0b",
    "bell": "\a\a",
    "backspace": "safe\b\b\b\bevil",
    "rubout": "\x7f\x7f",
    "shift": "\x0e\x0f",
    "lone cr": "visible\rhidden",
    "crlf": "one\r\ntwo",
    "lines": "one\ntwo\n\nthree",
    "vertical": "\x0b\x0c",
    "separators": "\x1c\x1d\x1e\x1f",
    "tabs": "\ta\t\tb",
    "unicode lines": "one\u2028two\u2029three\u0085four",
    "override": "pay\u202eexe.tac\u202c",
    "isolates": "\u2066a\u2067b\u2068c\u2069",
    "embeddings": "\u202aa\u202bb\u202dc\u202c",
    "marks": "\u200e\u200f\u061c",
    "right to left": "שלום עולם مرحبا",
    "surrogate high": "half \ud83d end",
    "surrogate low": "\ude00 end",
    "surrogates swapped": "\ude00\ud83d",
    "family": "👩\u200d👩\u200d👧\u200d👦 👍🏽 🏳\ufe0f\u200d🌈",
    "flags": "🇩🇪🇫🇷🇺",
    "keycap": "1\ufe0f\u20e3",
    "tower": "Z" + "\u0300\u0301\u0302\u0316\u0317\u0489" * 20 + "algo",
    "lone mark": "\u0301\u0301",
    "zero width": "a\u200bb\u200cc\u200dd\u2060e\ufefff",
    "byte order mark": "\ufefftext",
    "soft hyphen": "in\u00advis\u00adible",
    "tags": "a\U000e0041\U000e0042\U000e007f",
    "selectors": "x\ufe0e\ufe0f\U000e0100\u180b",
    "fillers": "\u3164\u115f\u1160\uffa0",
    "private": "\ue000\uf8ff\U000f0000\U0010fffd",
    "nothing": "\ufffe\uffff\U0001ffff\ufdd0",
    "annotation": "\ufff9a\ufffab\ufffb",
    "wide": "中文宽字符テスト한국어" * 3,
    "half of wide": "a中" * 20,
    "ideographic space": "\u3000\u3000x",
    "closing tag": "[/",
    "closing tags": "[/] [/red] [/bold]",
    "style": "[red]x[/red] [bold reverse]y",
    "action": "[@click=app.quit]click[/]",
    "action, call": "[@click=\"app.bell\"]x[/@click]",
    "theme": "[$primary on $error]x[/]",
    "link tag": "[link=https://evil.example]x[/link]",
    "open tag": "[",
    "escaped": "\\[red] \\\\[red]",
    "braces": "{0} {name} {} %s %(x)s %n {{",
    "shell": "$(touch canary) `touch canary` ; touch canary & | > < \" '",
    "path": "../../../etc/passwd",
    "option": "--help",
    "home of nobody": "~nosuchuser/x",
    "formula": "=HYPERLINK(\"https://evil.example\",\"x\")",
    "formulas": "+1+1\t-1\t@SUM(A1)",
    "long word": "w" * 3000,
    "long": "ab " * 700,
    "long wide": "宽" * 900,
    "spaces": "   ",
    "empty": "",
    "json": "\"}],\"ask\":\"stop\",\"x\":\"",
    "number": "1e999 NaN -0 ١٢٣",
    "markdown": "| ``` <script>alert(1)</script> [x](javascript:y)",
}  # fmt: skip
"""By what they are after. Some hold halves of surrogate pairs: JSON can carry these, UTF-8 cannot."""

BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def strings(count: int, seed: int = 0) -> list[str]:
    """`count` different strings: every attack alone, then mixtures of attacks, letters and any code points at all."""
    chance, attacks = random.Random(seed), list(ATTACKS.values())
    found = dict.fromkeys(attacks)
    while len(found) < count:
        pieces = chance.choices((chance.choice(attacks)[:400], _word(chance), _anything(chance)), (5, 3, 3), k=1)
        pieces += [_piece(chance, attacks) for _ in range(chance.randint(1, 4))]
        found.setdefault("".join(pieces))
    return list(found)[:count]


def _piece(chance: random.Random, attacks: list[str]) -> str:
    kind = chance.random()
    return chance.choice(attacks)[:400] if kind < 0.55 else _word(chance) if kind < 0.8 else _anything(chance)


def _word(chance: random.Random) -> str:
    return " " + "".join(chance.choices("abcdefghijklmnopqrstuvwxyzäß0123456789-_.", k=chance.randint(1, 9))) + " "


def _anything(chance: random.Random) -> str:
    """Code points from everywhere, those that act more often than chance would have them."""
    spans = ((0, 0x10FFFF), (0, 0xA0), (0xD800, 0xDFFF), (0x200B, 0x206F), (0x0300, 0x036F), (0xE0000, 0xE0FFF))
    return "".join(chr(chance.randint(*chance.choice(spans))) for _ in range(chance.randint(1, 12)))


def leaks(text: str, allowed: str = "") -> list[str]:
    """What in `text` acts on a terminal: controls, halves of surrogates, line separators, bidirectional controls."""
    return sorted(
        {
            f"U+{ord(char):04X}"
            for char in text
            if char not in allowed and (unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in BIDI)
        }
    )


def carried(texts: Iterable[str]) -> list[str]:
    """The texts as UTF-8 can carry them: halves of surrogate pairs are gone."""
    return [text.encode("utf-8", "replace").decode() for text in texts]
