"""One resident process that answers for the screen: it keeps the last few models loaded."""

from __future__ import annotations

import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

from core.errors import DataError
from core.inference.predictor import Predictor, open_predictor, stamp
from core.protocol import Handler, Progress, serve

KEPT = 3


class Residents:
    """The models asked last, at most `KEPT` of them. A run that saved a better epoch or got a graph is opened anew."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._loaded: OrderedDict[Path, tuple[tuple[int, int], Predictor]] = OrderedDict()

    def get(self, path: Path) -> Predictor:
        """The predictor of the run in `path`. Raises `RunError`."""
        now = stamp(path)
        known = self._loaded.pop(path, None)
        if known is None or known[0] != now:
            del known  # its memory is free before the next model is loaded
            while len(self._loaded) >= self._kept:
                self._loaded.popitem(last=False)
            known = (now, open_predictor(path))
        self._loaded[path] = known
        return known[1]

    @property
    def paths(self) -> list[Path]:
        """The runs whose models are loaded, the one asked last at the end."""
        return list(self._loaded)


def handlers(residents: Residents | None = None) -> dict[str, Handler]:
    """What the service answers: `classify` and `warm`."""
    models = residents or Residents()

    def classify(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        texts = _texts(request)
        predictor = models.get(_path(request))
        began = time.perf_counter()
        found = predictor.predict(texts, progress)
        return {
            "label_names": list(predictor.label_names),
            "probabilities": found.probabilities.tolist(),
            "milliseconds": round((time.perf_counter() - began) * 1000, 3),
            "engine": predictor.engine,
            "reason": predictor.reason,
            "truncated": found.truncated,
        }

    def warm(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        began = time.perf_counter()
        predictor = models.get(_path(request))
        predictor.predict(["warm"])  # the first answer of a model plans its memory
        return {
            "engine": predictor.engine,
            "reason": predictor.reason,
            "seconds": round(time.perf_counter() - began, 3),
            "label_names": list(predictor.label_names),
        }

    return {"classify": classify, "warm": warm}


def _path(request: dict[str, Any]) -> Path:
    path = request.get("run")
    if not isinstance(path, str) or not path:
        raise DataError("The request names no run", next_step='Give "run": the path of a run folder.')
    return Path(path).absolute()


def _texts(request: dict[str, Any]) -> list[str]:
    texts = request.get("texts")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise DataError("The request holds no texts", next_step='Give "texts": a list of strings.')
    return texts


def serve_answers() -> None:
    """Answer requests from stdin on stdout until it ends, or nobody asked for ten minutes."""
    serve(handlers())
