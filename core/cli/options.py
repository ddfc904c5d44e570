"""Every setting of a configuration as an option of the command line, from the same record as the form's."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from core.config import RunConfig, flag_of, is_tuple, settings, type_of

RunsOption = Annotated[Optional[Path], typer.Option("--runs", help="Folder where runs live.")]  # noqa: UP045
SourceArgument = Annotated[
    Optional[str],  # noqa: UP045
    typer.Argument(help="'sample', a file, a folder, an archive, hub: or kaggle: (docs/data.md).", show_default=False),
]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Name of the run, a beginning of it, or 'last'.")]
LiveArgument = Annotated[
    str,
    typer.Argument(
        metavar="[RUN]",
        help="Name of the run, a beginning of it, or 'last'. Without: the newest that trains, else the newest.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]

NOT_OPTIONS = {"data.source", "data.given"}


def _parameter(path: str) -> inspect.Parameter:
    spec = next(found for known, _, found in settings() if known == path)
    kind, flag, default = type_of(path), flag_of(path), RunConfig().get(path)
    help_text = spec.sentence
    if bounds := spec.bounds():
        help_text += f" ({bounds}"
        help_text += f"; default {default})" if default not in ("", ()) else ")"
    annotation: Any
    if kind is bool:
        annotation = Annotated[Optional[bool], typer.Option(f"{flag}/--no-{flag[2:]}", help=help_text)]  # noqa: UP045
    elif is_tuple(kind):
        annotation = Annotated[Optional[list[str]], typer.Option(flag, help=f"{help_text} Can be given again.")]  # noqa: UP045
    else:
        annotation = Annotated[Optional[kind], typer.Option(flag, help=help_text, metavar=kind.__name__.upper())]  # noqa: UP045
    name = path.replace(".", "__")
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def with_settings(sections: tuple[str, ...] = ("data", "split", "model", "training")) -> Callable[..., Any]:
    """Decorator: the command takes the settings of these sections as options and gets them as `values`.

    The wrapped function's keyword `values` maps `section.name` to what was given; settings not given are absent.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        own = [one for one in inspect.signature(command, eval_str=True).parameters.values() if one.name != "values"]
        paths = [p for p, _, _ in settings() if p.split(".")[0] in sections and p not in NOT_OPTIONS]
        names = {path.replace(".", "__"): path for path in paths}

        def wrapped(**given: Any) -> Any:
            values = {path: given.pop(name) for name, path in names.items()}
            return command(**given, values={path: value for path, value in values.items() if value is not None})

        parameters = own + [_parameter(path) for path in paths]
        wrapped.__doc__ = command.__doc__
        wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        wrapped.__annotations__ = {one.name: one.annotation for one in parameters}
        return wrapped

    return decorate
