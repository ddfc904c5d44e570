"""What is stripped from every text, in training and whenever the model is asked: `strip:urls,mentions` and its like.

A model that never saw an address must never be shown one, so the rules travel with it, in its `finetui.json`. This
module loads nothing heavy: asking a model must not wait for the data room.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

STRIP = "strip"
"""The cure that these are the arguments of."""

_TAGS = (
    "abbr|address|area|article|aside|audio|base|bdi|bdo|blockquote|body|br|button|canvas|caption|center|col|colgroup|dd"
    "|details|div|dl|dt|embed|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe"
    "|img|input|label|legend|li|link|main|map|meta|nav|noscript|object|ol|optgroup|option|p|param|picture|pre|progress"
    "|script|section|select|source|style|summary|svg|table|tbody|td|textarea|tfoot|th|thead|title|tr|track|ul|video|wbr"
)
_INLINE = "a|b|big|cite|code|del|em|font|i|ins|kbd|mark|q|s|samp|small|span|strike|strong|sub|sup|tt|u|var"
_BLANK = r"[ \t\r\n\f]"
# A bare word is an attribute only where HTML knows it: `if a <b and c> d` is no tag.
_BARE = "checked|disabled|hidden|selected|controls|async|defer|nowrap|noshade|readonly|required|multiple"
_ATTRIBUTE = rf"(?:[\w:-]+{_BLANK}*={_BLANK}*(?:\"[^\"]*\"|'[^']*'|[^ \t\r\n\f\"'<>]+)|{_BARE})"
_HTML = rf"<!--(?:[^-]|-[^-])*-->|</?(?:{_TAGS}|({_INLINE}))(?:{_BLANK}+{_ATTRIBUTE})*{_BLANK}*/?>"

# Blanks beyond ASCII end an address, and so does a script that writes without blanks: it would take the sentence along.
_ENDS = '\\s<>"\xa0\u2000-\u200b\u2028\u2029\u3000-\u9fff\uac00-\ud7af\uff00-\uffef'
_URLS = rf"(?:(?:https?|ftp)://|\bwww\.)[^{_ENDS}]*[^{_ENDS}.,;:!?)\]}}']"


@dataclass(frozen=True, slots=True)
class TextRule:
    """One kind of thing that can be stripped."""

    what: str
    """For a person: `texts with {what}`."""
    pattern: re.Pattern[str]
    sign: str
    """An RE2 pattern that finds every text `pattern` finds, and hardly any other: a million texts in a glance."""


TEXT_RULES: dict[str, TextRule] = {
    "urls": TextRule("URLs", re.compile(_URLS, re.ASCII | re.IGNORECASE), r"(?i)(?:https?|ftp)://\S|\bwww\.\S"),
    "mentions": TextRule(
        "@mentions",
        re.compile(r"(?<![\w@/])@(?=\d*[^\W\d])\w+(?:@[\w-]+(?:\.[\w-]+)+)?"),
        r"(?:^|[^0-9A-Za-z_@/])@[^\x00-/:-@\[-^`{-\x7f]",
    ),
    "html": TextRule("HTML tags", re.compile(_HTML, re.ASCII | re.IGNORECASE), f"(?i){_HTML}"),
    "emails": TextRule(
        "e-mail addresses",
        re.compile(r"(?<![\w.+@-])[\w.+-]++@[\w-]++(?:\.[\w-]++)++", re.ASCII),
        r"[\w.+-]@[\w-]+\.[\w-]",
    ),
}
"""Every kind by its name in `strip:`."""


def named(argument: str) -> tuple[str, ...]:
    """The kinds in `urls,mentions`, in that order; a kind that there is not stays as it is written."""
    return tuple(name for part in argument.split(",") if (name := part.strip().lower()))


def text_rules_of(cures: Iterable[str]) -> tuple[str, ...]:
    """What these cures strip, in order: the kinds of every `strip:` among them."""
    parts = (cure.partition(":") for cure in cures)
    return tuple(kind for name, _, argument in parts if name.strip() == STRIP for kind in named(argument))


def apply(text: str, rules: Iterable[str]) -> str:
    """`text` without what `rules` (keys of `TEXT_RULES`) strip, one after the other; without any of it, as it was.

    Where something went the blanks around it become one. What is left may be empty. Raises `KeyError` for no rule.
    """
    for rule in rules:
        pattern = TEXT_RULES[rule].pattern
        stripped, times = pattern.subn(_rest if pattern.groups else " ", text)
        if times:
            text = "\n".join(" ".join(line.split()) for line in stripped.split("\n")).strip()
    return text


def _rest(found: re.Match[str]) -> str:
    """What stands in a tag's place: a blank, or nothing where it may stand inside a word (`un<b>believ</b>able`)."""
    return "" if found[1] else " "
