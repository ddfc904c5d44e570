"""The resident child that judges runs for the screen: JSON lines in and out, the last few runs' predictions held."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ConfigError, DataError, RunError
from core.evaluation import compare_service, labels_service
from core.evaluation.calibration import WISHED, fit_temperature
from core.evaluation.judgement import Judgement, drop_judgement, keep_judgement
from core.evaluation.looked import looks, note_look
from core.evaluation.mistakes import Wanted, cell_of, chosen, page
from core.evaluation.overview import overview, rows_of, tradeoff_at
from core.evaluation.predictions import FILE, Predictions, read_predictions
from core.evaluation.slices import Slice, slices
from core.protocol import Handler, Progress, serve
from core.runs.run import Run

if TYPE_CHECKING:
    from core.inference.explain import Explanation
    from core.inference.service import Residents

KEPT = 4
PAGE, LARGEST = 100, 5000
"""Rows of a page where none are named, and at most."""


class Judge:
    """What is known of the runs asked about last: at most `KEPT` of them, read anew when their file has changed."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._read: OrderedDict[Path, tuple[tuple[int, int], Predictions]] = OrderedDict()
        self._looks: dict[Path, dict[str, Any]] = {}
        self._models: Residents | None = None

    def handlers(self) -> dict[str, Handler]:
        """`overview`, `mistakes`, `slices`, `explain`, `tradeoff` and `keep`."""
        asked = (self.overview, self.mistakes, self.slices, self.explain, self.tradeoff, self.keep)
        return {one.__name__: one for one in asked}

    def predictions(self, run: Run) -> Predictions:
        """What `run` said about its held-out rows. Raises `RunError` without them, or when they are damaged."""
        stamp = _stamp(run.path / FILE)
        known = self._read.pop(run.path, None)
        if known is None or known[0] != stamp:
            del known  # its memory is free before the next one is read
            while len(self._read) >= self._kept:
                self._read.popitem(last=False)
            known = (stamp, read_predictions(run))
        self._read[run.path] = known
        return known[1]

    def overview(self, request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        """{"run", "part"?, "wished"?} -> everything that an opened run shows."""
        run = _run(request)
        wished = request.get("wished", WISHED)
        if not isinstance(wished, int | float) or not 0 <= wished <= 1:
            raise ConfigError("The wished accuracy is a share, 0 to 1", f"Given: {str(wished)[:40]}")
        return overview(run, self.predictions(run), _part(request), float(wished))

    def mistakes(self, request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        """{"run", "part"?, "start"?, "count"?, fields of `Wanted`} -> {"total", "start", "rows", "of", "looks"}.

        `cell`: `GOLD:SAID` in place of "gold" and "said", and then its right rows too. Test rows shown are counted.
        """
        run, rows = self._rows(request)
        wanted = wanted_of(request, rows.label_names)
        found = chosen(rows, wanted)
        start = _number(request, "start", 0)
        shown = found[start : start + min(_number(request, "count", PAGE), LARGEST)]
        return {
            "part": _part(request),
            "total": len(found),
            "start": start,
            "rows": page(rows, shown),
            "of": {"rows": len(rows), "wrong": int((rows.said != rows.gold).sum())},
            "wanted": asdict(wanted),
            "looks": self._look(run, request, "mistakes"),
        }

    def slices(self, request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        """{"run", "part"?, "regex"?} -> {"rows", "slices"}: scores, and how far off the rest."""
        run, rows = self._rows(request)
        found = slices(rows, _text(request, "regex"))
        looked = self._look(run, request, "slices")
        return {"part": _part(request), "rows": len(rows), "slices": [_slice(one) for one in found], "looks": looked}

    def explain(self, request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        """{"run", "text", "class"?} -> the answer to a text, and how much each word pushed towards it."""
        from core.inference.explain import explain
        from core.inference.service import Residents

        run, text = _run(request), _text(request, "text")
        if not isinstance(request.get("text"), str):
            raise DataError("The request holds no text", next_step='Give "text": a string.')
        self._models = self._models or Residents()
        predictor = self._models.get(run.path)
        found = explain(predictor, text, _text(request, "class"))
        return _explanation(found, predictor.label_names) | {"engine": predictor.engine}

    def tradeoff(self, request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        """{"run", "part"?, "unsure_below"} -> {"threshold", "rows", "coverage", "accuracy", "low", "high"}."""
        run, below = _run(request), _threshold(request)
        return tradeoff_at(run, self.predictions(run), _part(request), below)

    def keep(self, request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        """{"run", "unsure_below"} -> the threshold is kept, with the temperature fitted on validation; 0: none."""
        run, below = _run(request), _threshold(request)
        if below == 0:
            drop_judgement(run)
            return {"judgement": None}
        rows = rows_of(run, self.predictions(run), "validation")
        fitted = fit_temperature(rows.probabilities, rows.gold)
        kept = Judgement(fitted.value, below, fitted.rows)
        keep_judgement(run, kept)
        return {"judgement": asdict(kept)}

    def _rows(self, request: dict[str, Any]) -> tuple[Run, Predictions]:
        run = _run(request)
        return run, rows_of(run, self.predictions(run), _part(request))

    def _look(self, run: Run, request: dict[str, Any], what: str) -> dict[str, Any] | None:
        """How often the test rows were looked at, this time too, where they are what was asked for.

        A run counts once, so its first look in this process is written down, and counted over the runs, and no more.
        """
        if _part(request) != "test":
            return None
        if run.path not in self._looks:
            counted = note_look(run, what)
            self._looks[run.path] = {**looks(run), "counted": counted}
        return self._looks[run.path]


def wanted_of(request: dict[str, Any], names: tuple[str, ...]) -> Wanted:
    """The rows that a request asks for. Raises `WorkbenchError` for what cannot be asked."""
    texts = {one.name: _text(request, one.name) for one in fields(Wanted) if one.type == "str"}
    texts["label"] = texts["label"] or _text(request, "class")
    cell = _text(request, "cell")
    if cell:
        texts["gold"], texts["said"] = cell_of(names, cell)
    which = request.get("which") or ("all" if cell else "wrong")
    if which not in ("wrong", "right", "all"):
        raise DataError(f"Unknown rows {which!r}", next_step='"which" is wrong, right or all.')
    lengths = {
        key: _number(request, key, 0) if request.get(key) is not None else None for key in ("min_words", "max_words")
    }
    return Wanted(which=which, **texts, **lengths)  # type: ignore[arg-type]


def _slice(one: Slice) -> dict[str, Any]:
    def plain(found: dict[str, Any] | None) -> dict[str, Any] | None:
        return None if found is None else {name: span.as_dict() for name, span in found.items()}

    facts = {"key": one.key, "title": one.title, "rows": one.rows, "share": one.share, "says_little": one.says_little}
    return facts | {"scores": plain(one.scores), "to_the_rest": plain(one.differences)}


def _explanation(found: Explanation, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "label": found.label,
        "probability": found.probability,
        "probabilities": dict(zip(names, found.probabilities.tolist(), strict=True)),
        "words": [asdict(one) for one in found.pushes],
        "grouped": found.grouped,
        "truncated": found.truncated,
    }


def _run(request: dict[str, Any]) -> Run:
    path = request.get("run")
    if not isinstance(path, str) or not path:
        raise DataError("The request names no run", next_step='Give "run": the path of a run folder.')
    run = Run(Path(path).absolute())
    if not (run.path / "run.toml").is_file():
        raise RunError(f"{run.name} is not a run folder", "It has no run.toml.", "finetui runs lists the runs.")
    return run


def _part(request: dict[str, Any]) -> str:
    return _text(request, "part") or "validation"


def _threshold(request: dict[str, Any]) -> float:
    found = request.get("unsure_below")
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ConfigError("No threshold was given", next_step='Give "unsure_below": a probability, 0 to 1.')
    return float(found)


def _text(request: dict[str, Any], key: str) -> str:
    found = request.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise DataError(f'"{key}" is not a text', next_step=f'Give "{key}": a string.')
    return found


def _number(request: dict[str, Any], key: str, default: int) -> int:
    found = request.get(key, default)
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise DataError(f'"{key}" is not a number of rows or words', next_step=f'Give "{key}": a whole number from 0.')
    return found


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def serve_judge() -> None:
    """Answer requests from stdin on stdout until it ends, or nobody asked for ten minutes."""
    labels = labels_service.handlers()
    slow = {"suspicious": labels.pop("suspicious")}
    serve(Judge().handlers() | compare_service.handlers() | labels, background=slow)
