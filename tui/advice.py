"""Next steps as one takes them here: the core names options of the command line, the screen has its own ways."""

from __future__ import annotations

import re

_VALUE = r"(?:'[^']*'|\"[^\"]*\"|[^\s,;.?)]+)"

_COLUMN = r"(?:Did you mean --(?:text|label|group) .+?\?|--(?:text|label|group) takes one of them)\.? · "

_EDITED = r"finetui recipes \S+ > my\.toml, change line \d+, and --config my\.toml"

_HERE: tuple[tuple[str, str], ...] = (
    (rf"(?:{_COLUMN})?--(text|label|group) NAME takes its place · {_EDITED}", r"Pick the \1 column in room 1 first"),
    (rf"(?: · )?{_EDITED}", ""),  # only a shell can
    (r"finetui recipes lists them", "Recipe… in room 2 lists them"),
    (r"Did you mean --(text|label|group) (.+?)\?", r"Did you mean \2? Pick it as the \1 column in room 1."),
    (r"--(text|label|group) takes one of them", r"Pick the \1 column in room 1"),
    (rf"(?:Name it: |Name another column: )?--(text|label|group) {_VALUE}", r"Pick the \1 column above, in room 1"),
    (rf"--cure {_VALUE}(?: --cure {_VALUE})*", "In Health (room 1) f applies the cure where a finding offers it"),
    (r"--(header|delimiter|quoting|encoding|time)\b", r"v (room 1): \1"),
    (r"--(validation|test)-file\b", r"v (room 1): \1 file"),
    (r"finetui runs lists (them|all of them|the runs)", r"Room 4 lists \1"),
    (r"finetui compare .+? --common compares", "Below, enter compares them"),
    (r"finetui train FILE makes one", "ctrl+r makes one"),
    (r"finetui train --help (?:lists them|shows every bound)", "Room 2 shows every setting and its bounds"),
    (r"(?:Watch it: )?finetui attach \S+", "Room 3 shows it"),
    (r"(?:Make room, then: )finetui resume [\w.-]*\w", "Make room, then r goes on"),
    (r"(?:More epochs are a run of their own: )?finetui resume \S+ --epochs \d+", "r (room 3) trains more epochs"),
    (r"(?:[Ii]t (?:goes on with|can begin again): )?finetui resume [\w.-]*\w", "r (room 3) goes on with it"),
    (r"Train anew with a lower rate: finetui train --config .*", "f (room 3) trains anew with a lower learning rate"),
    (r"Train anew: finetui train --config .*", "Train anew: n, then ctrl+r"),
    (r"finetui stop \S+", "s in room 4 stops it"),
    (r"finetui show \S+", "Room 4"),
)

_SETTING = re.compile(
    r"--(model|device|max-length|batch-size|accumulation|frozen-layers|precision|epochs|split-method|folds|fold|split-of"
    r"|validation-fraction|test-fraction|class-weights|oversample)\b"
)


def here(next_step: str) -> str:
    """A next step, its command-line options told as what one does in the screen; unknown ones stay as they are."""
    for pattern, instead in _HERE:
        next_step = re.sub(pattern, instead, next_step)
    told = _SETTING.sub(lambda found: found[1].replace("-", " "), next_step)
    return told if told == next_step else f"{told} (Room 2 sets it.)"
