"""Bits flip, ends go missing and bytes are added in a committed folder: the check names the file each time."""

from __future__ import annotations

import json
import random
from pathlib import Path

from core.errors import RunError
from core.runs.atomic import MANIFEST, commit_dir, verify_dir
from tests.faults.score import Score, Tally

NAME = "bit-flips"
WHAT = "a bit flipped, an end cut off or bytes appended, in any file of a committed folder"


def _commit(target: Path, chance: random.Random) -> None:
    with commit_dir(target) as folder:
        (folder / "model.safetensors").write_bytes(chance.randbytes(100_000))
        (folder / "config.json").write_text(json.dumps({"id2label": {"0": "bad", "1": "good"}, "hidden_size": 32}))
        (folder / "tokenizer.json").write_text(json.dumps({chr(97 + at % 26) * (1 + at % 7): at for at in range(99)}))
        (folder / "müde.txt").write_text("a name that JSON escapes")


def _flipped(whole: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(whole))
    return whole[:place] + bytes([whole[place] ^ (1 << chance.randrange(8))]) + whole[place + 1 :]


def _cut(whole: bytes, chance: random.Random) -> bytes:
    return whole[: chance.randrange(len(whole))]


def _grown(whole: bytes, chance: random.Random) -> bytes:
    return whole + chance.choice([b"\0", b"\n", b" ", chance.randbytes(9)])


def run(tries: int, folder: Path, *, seed: int = 0) -> Score:
    """`tries` flips spread evenly over the files, the manifest among them; half as many cuts and as many additions."""
    tally, chance, target = Tally(), random.Random(seed), folder / "model"
    _commit(target, chance)
    files = sorted(path for path in target.rglob("*") if path.is_file())
    hurts = [_flipped] * tries + [_cut] * (tries // 2) + [_grown] * (tries // 2)
    for number, hurt in enumerate(hurts):
        path = files[number % len(files)]
        whole = path.read_bytes()
        path.write_bytes(hurt(whole, chance))
        tally.tries += 1
        what = f"{hurt.__name__.strip('_')} {path.name}"
        try:
            verify_dir(target)
            tally.spoiled(f"{what} was accepted")
        except RunError as found:
            if path.name not in found.message:
                tally.spoiled(f"{what} was told as: {found.message}")
        path.write_bytes(whole)
    verify_dir(target)
    return tally.score(NAME, WHAT, f"{tries} flips, the rest cuts and additions; in {len(files)} files, {MANIFEST} too")
