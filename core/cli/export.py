"""`finetui export`: a run in a form that other programs read."""

from __future__ import annotations

import json as json_format
from typing import Annotated

import typer

from core.cli.console import out, say
from core.cli.find import find_run
from core.cli.options import JsonOption, RunsOption
from core.text import safe


def export(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Name of the run, a beginning of it, 'last', or its folder.")
    ],
    onnx: Annotated[bool, typer.Option("--onnx", help="A verified ONNX graph (the default).")] = True,
    again: Annotated[bool, typer.Option("--again", help="Make it anew even when it is up to date.")] = False,
    json: JsonOption = False,
    runs: RunsOption = None,
) -> None:
    """Make a verified ONNX graph of a run: `finetui classify` answers from it at once.

    The graph appears only when its logits agree with torch's to 1e-4.
    """
    found = find_run(run, runs)
    from core.inference.export import export_onnx

    facts = export_onnx(found, again=again)
    if json:
        out(json_format.dumps(facts))
        return
    checked = facts["verification"]
    out(safe(facts["path"]))
    say(
        f"{facts['bytes'] / 1e6:.1f} MB · largest difference to torch {checked['max_difference']:.1e} "
        f"over {checked['texts']} texts · {facts['seconds']:.1f} s"
    )
