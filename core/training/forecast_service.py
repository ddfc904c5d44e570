"""Answers of the forecast child for the line protocol.

Every request carries `"config"`, what `core.config.to_dict` makes of a `RunConfig`, and `"runs"`, the runs folder.

    estimate  -> what `Forecast.as_dict` gives, by arithmetic; nothing heavy is loaded
    probe     -> the same, measured: seconds to a minute. Arithmetic with its reason where measuring is not right:
                 a run trains on the device, the model would have to be fetched, the data is very large
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.config import RunConfig, from_dict
from core.errors import DataError
from core.preflight import require_device, require_sound
from core.protocol import Handler, Progress, serve
from core.training.forecast import estimate, is_here
from core.training.probe import forecast

MOST_ROWS = 200_000
"""Rows that are prepared for a probe nobody asked for by name: more of them take minutes."""


def handlers(launch: float = 0.0) -> dict[str, Handler]:
    """What the child answers. `launch`: seconds that its start took, as that of a trainer will."""

    def arithmetic(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        config, root = _asked(request)
        return estimate(config, root, progress).as_dict()

    def probe(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        config, root = _asked(request)
        require_device(config.training)
        if not is_here(config):
            return estimate(config, root, progress).as_dict()
        rows = request.get("rows")
        if isinstance(rows, int) and rows > MOST_ROWS:
            return estimate(config, root, progress, f"{rows} rows: finetui forecast measures them").as_dict()
        return forecast(config, root, progress, launch).as_dict()

    return {"estimate": arithmetic, "probe": probe}


def _asked(request: dict[str, Any]) -> tuple[RunConfig, Path]:
    tree, runs = request.get("config"), request.get("runs")
    if not isinstance(tree, dict):
        raise DataError("This request has no configuration", '"config" must be an object.')
    if not isinstance(runs, str) or not runs:
        raise DataError("This request names no runs folder", 'Give "runs": its path.')
    config = from_dict(tree)
    require_sound(config)
    return config, Path(runs)


def serve_forecasts(launch: float) -> None:
    """Answer requests from stdin on stdout until it ends, or nobody asked for ten minutes."""
    serve(handlers(launch))
