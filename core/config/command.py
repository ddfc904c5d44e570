"""The exact command that does the same as a configuration."""

from __future__ import annotations

import shlex

from core.config.parse import is_tuple, type_of
from core.config.recipe import base_of
from core.config.schema import RunConfig, settings
from core.text import safe


def flag_of(path: str) -> str:
    """The long option of a setting, with its dashes: `--learning-rate`."""
    for known, one, spec in settings():
        if known == path:
            return "--" + (spec.flag or one.name.replace("_", "-"))
    raise KeyError(path)


def arguments(config: RunConfig) -> list[str]:
    """`config` as arguments of `finetui train`: the source, then what is not as in its recipe, or else its default."""
    default = _expressible(config, base_of(config))
    words = [config.data.source]
    for path, _, _ in settings():
        value = config.get(path)
        if path in ("data.source", "data.given"):
            continue
        if path == "data.recipe":
            words += ["--recipe", value] if default.data.recipe else []
            continue
        if value == default.get(path):
            continue
        if path == "data.cures":
            value = value[len(default.data.cures) :]
        flag = flag_of(path)
        kind = type_of(path)
        if kind is bool:
            words.append(flag if value else f"--no-{flag[2:]}")
        elif is_tuple(kind):
            for part in value:
                words += [flag, part]
        else:
            words += [flag, _number(value) if isinstance(value, float) else str(value)]
    return words


def _expressible(config: RunConfig, base: RunConfig) -> RunConfig:
    """`base`, or the plain defaults where options could not lead from it to `config`: no option empties a list."""
    emptied = any(base.get(path) and not config.get(path) for path, _, _ in settings() if is_tuple(type_of(path)))
    others = config.data.cures[: len(base.data.cures)] != base.data.cures  # options only add to a recipe's rules
    return RunConfig() if emptied or others else base


def _number(value: float) -> str:
    """The shortest text that reads back as exactly `value`."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def command_line(config: RunConfig) -> str:
    """One line to paste into a shell."""
    return " ".join(quoted(word) for word in ("finetui", "train", *arguments(config)))


def quoted(word: str) -> str:
    """`word` as a shell reads it back: what cannot be shown as it is stands there as its bytes, in ASCII.

    File names may hold anything; the form `$'…'` is known to bash, zsh and ksh.
    """
    if safe(word, newlines=True) == word:
        return shlex.quote(word)
    try:
        data = word.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a surrogate pair that stands for no byte
        data = word.encode("utf-8", "replace")
    return "$'" + "".join(chr(one) if 32 <= one < 127 and one not in b"'\\" else f"\\x{one:02x}" for one in data) + "'"
