"""`finetui classify`: ask a trained run about texts given as words, on stdin, or as requests of the line protocol."""

from __future__ import annotations

import json as json_format
import os
import shlex
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from core.cli.console import bar, out, say
from core.cli.find import find_run
from core.cli.options import RunsOption
from core.errors import ConfigError
from core.spreadsheet import csv_line
from core.text import safe, shorten

if TYPE_CHECKING:
    from core.inference.predictor import Predictor

CHUNK = 1 << 16
LINES = 256
"""Lines of a pipe that are answered together, when so many wait."""

FILE_CHUNK = 1 << 22
FILE_LINES = 8192
"""The same for a file: the more rows are sorted by length together, the less is padded."""

SHOWN = 8
"""Labels drawn as bars; the rest is counted."""


def classify(
    run: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(
            metavar="RUN", help="Name of the run, a beginning of it, 'last', or its folder.", show_default=False
        ),
    ] = None,
    texts: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="TEXT...", help="What to classify; '-' reads one text per line from stdin."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per text.")] = False,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Answer requests, one JSON object per line, on stdin.")
    ] = False,
    csv: Annotated[
        bool, typer.Option("--csv", help="Print a table for a spreadsheet; a text that looks like a formula gets a '.")
    ] = False,
    fast: Annotated[
        bool,
        typer.Option(
            "--fast", help="For many rows: bf16, faster by half; probabilities to two digits, the labels stay the same."
        ),
    ] = False,
    epoch: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--epoch", min=1, help="Answer from the weights kept after this epoch (--save-epochs)."),
    ] = None,
    runs: RunsOption = None,
) -> None:
    """Ask a trained run about texts.

    On a terminal every label's probability is drawn; on a pipe each text gives one line: label, probability, text.
    """
    if jsonl:
        if run is not None or epoch is not None:
            raise ConfigError("--jsonl takes no RUN", "Each request names its own.", "finetui classify --jsonl")
        from core.inference.service import serve_answers

        serve_answers()
        return
    if csv and json:
        raise ConfigError("--csv and --json are two forms of one answer", next_step="Use one of them.")
    if run is None:
        raise ConfigError("Which run?", next_step='finetui classify last "a text" · finetui runs lists them.')
    if not texts and sys.stdin.isatty():
        raise ConfigError(
            "No text was given", next_step=f'finetui classify {shlex.quote(run)} "a text", or - for lines on stdin.'
        )
    for text in texts or ():
        if text != "-" and _is_file(text):
            say(f"! {safe(text)} is taken as a text, though there is a file of this name. Its lines are classified by:")
            say(f"  finetui classify {shlex.quote(run)} - < {shlex.quote(text)}")
    from core.inference.predictor import open_epoch, open_predictor

    path = find_run(run, runs).path
    predictor = open_predictor(path, fast=fast) if epoch is None else open_epoch(path, epoch, fast=fast)
    if predictor.engine == "torch" and sys.stderr.isatty():
        say(f"answered by {predictor.engine}: {predictor.reason}")
    blocks = read_blocks(whole=fast) if not texts or texts == ["-"] else iter([texts])
    if csv:
        print(csv_line(["label", "probability", "text"]))
    for block in blocks:
        _answer(predictor, block, json, csv)


def _is_file(text: str) -> bool:
    with suppress(OSError, ValueError):  # too long for a name, or with a zero byte
        return Path(text).is_file()
    return False


def read_blocks(*, whole: bool = False) -> Iterator[list[str]]:
    """The lines of stdin, as many together as wait there: a person gets each answer at once, a file goes in blocks.

    `whole` waits for full blocks on a pipe too.
    """
    whole = whole or stat.S_ISREG(os.fstat(0).st_mode)
    lines_together, size = (FILE_LINES, FILE_CHUNK) if whole else (LINES, CHUNK)
    rest = bytearray()
    while chunk := _read(size, full=whole):
        head, line_end, tail = chunk.rpartition(b"\n")
        if not line_end:
            rest += chunk
            continue
        lines = bytes(rest + head).split(b"\n")
        rest = bytearray(tail)
        for start in range(0, len(lines), lines_together):
            yield [_decoded(line) for line in lines[start : start + lines_together]]
    if rest:
        yield [_decoded(bytes(rest))]


def _read(size: int, *, full: bool) -> bytes:
    """What waits on stdin, at most `size` bytes; with `full` all of them, less only at the end."""
    found = os.read(0, size)
    while full and found and len(found) < size and (more := os.read(0, size - len(found))):
        found += more
    return found


def _decoded(line: bytes) -> str:
    return line.decode("utf-8", errors="replace").removesuffix("\r")


def _answer(predictor: Predictor, texts: list[str], json: bool, csv: bool) -> None:
    found = predictor.predict(texts)
    for text, row, cut in zip(texts, found.probabilities.tolist(), found.truncated, strict=True):
        ranked = sorted(zip(predictor.label_names, row, strict=True), key=lambda pair: -pair[1])
        if json:
            print(json_format.dumps(_as_json(text, ranked, cut), ensure_ascii=True))
        elif csv:
            print(csv_line([ranked[0][0], round(ranked[0][1], 4), text]))
        elif sys.stdout.isatty():
            out(drawn(text, ranked, shutil.get_terminal_size().columns))
        else:
            print(safe(ranked[0][0]), f"{ranked[0][1]:.4f}", safe(text), sep="\t")
        if cut and not json:
            say(f"! cut to {predictor.max_length} tokens: {shorten(safe(text), 40)}")
    sys.stdout.flush()


def _as_json(text: str, ranked: list[tuple[str, float]], cut: bool) -> dict[str, Any]:
    (label, probability), *_ = ranked
    rounded = {name: round(value, 6) for name, value in ranked}
    return {
        "text": text,
        "label": label,
        "probability": round(probability, 6),
        "probabilities": rounded,
        "truncated": cut,
    }


def drawn(text: str, ranked: list[tuple[str, float]], width: int) -> str:
    """A text and its labels as bars, the most probable first, for a terminal of `width` columns."""
    names = [shorten(safe(name), 24) for name, _ in ranked[:SHOWN]]
    longest = max(map(len, names))
    room = max(min(width - longest - 12, 40), 4)
    lines = [shorten(safe(text), width)]
    lines += [
        f"  {name:<{longest}}  {value:5.1%}  {bar(value, room)}".rstrip()
        for name, (_, value) in zip(names, ranked, strict=False)
    ]
    if len(ranked) > SHOWN:
        lines.append(f"  and {len(ranked) - SHOWN} more labels with {sum(v for _, v in ranked[SHOWN:]):.1%} together")
    return "\n".join(lines)
