"""JSON, JSON Lines and Parquet as a table of text cells."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from core.data.table import Decision, Table, whole_table
from core.errors import DataError
from core.protocol import Progress
from core.text import safe

_PIECE = 50_000


def read_json(data: bytes, source: str, name: str, reading: tuple[Decision, ...], progress: Progress) -> Table:
    """JSON Lines, or one JSON document: a list of objects, or an object of equally long lists. Raises `DataError`."""
    text = data.decode("utf-8").strip()
    shape, records = _records(text, name, progress)
    if not records:
        raise DataError("There are no rows", f"{name} holds no records.", "Name a table of texts and labels.")
    columns: dict[str, list[str]] = {}
    for key in _keys(records):
        columns[key] = _cells([one.get(key) for one in records])
    return whole_table(columns, source, (*reading, Decision("format", shape, "by its content")))


def looks_like_json(data: bytes) -> bool:
    """Whether a text begins as a JSON object, or as a list of objects."""
    start = data[:1000].lstrip()
    return start.startswith(b"{") or (start.startswith(b"[") and start[1:].lstrip()[:1] in (b"{", b"]"))


def _records(text: str, name: str, progress: Progress) -> tuple[str, list[dict[str, Any]]]:
    first, _, more = text.partition("\n")
    if more and text.startswith("{") and _loads(first) is not None:
        return "JSON Lines", _lines(text, name, progress)
    try:
        tree = _strict(text)
    except (ValueError, RecursionError) as broken:
        if text.startswith("{") and "\n" in text:
            return "JSON Lines", _lines(text, name, progress)
        raise DataError("This is no valid JSON", f"{name}: {broken}", "Mend the file, or save it as CSV.") from None
    return "JSON", _of_tree(tree, name)


def _strict(text: str) -> Any:
    """JSON with numbers as they are written: `01` cannot occur, `1.0` stays `1.0`."""
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)


def _loads(text: str) -> Any:
    try:
        return _strict(text)
    except (ValueError, RecursionError):
        return None


def _lines(text: str, name: str, progress: Progress) -> list[dict[str, Any]]:
    lines = text.split("\n")
    found: list[dict[str, Any]] = []
    for start in range(0, len(lines), _PIECE):
        piece = [line for line in lines[start : start + _PIECE] if line and not line.isspace()]
        # One call per piece is several times faster than one per line; whatever is wrong is then looked for by line.
        together = _loads(f"[{','.join(piece)}]")
        if together is None or len(together) != len(piece) or not all(type(one) is dict for one in together):
            numbered = enumerate(lines[start : start + _PIECE], start + 1)
            together = [_line(line, number, name) for number, line in numbered if line.strip()]
        found += together
        progress(len(found), len(lines), "rows")
    return found


def _line(line: str, number: int, name: str) -> dict[str, Any]:
    try:
        record = _strict(line)
    except (ValueError, RecursionError) as broken:
        raise DataError(
            "A line is no valid JSON", f"{name}, line {number}: {broken}", f"Mend or remove line {number}."
        ) from None
    if not isinstance(record, dict):
        raise DataError(
            "A line is no JSON object",
            f"{name}, line {number} holds {line[:60]!r}.",
            'Each line must be an object such as {"text": "…", "label": "…"}.',
        )
    return record


def _of_tree(tree: Any, name: str) -> list[dict[str, Any]]:
    if isinstance(tree, list) and all(isinstance(one, dict) for one in tree):
        return tree
    if isinstance(tree, dict):
        lists = {key: value for key, value in tree.items() if isinstance(value, list)}
        lengths = {len(value) for value in lists.values()}
        if len(lists) == 1 and all(isinstance(one, dict) for one in next(iter(lists.values()))):
            return next(iter(lists.values()))
        if len(lists) > 1 and len(lengths) == 1:
            return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]
        columns = {key: value for key, value in tree.items() if isinstance(value, dict)}
        if len(columns) == len(tree) > 1 and len({tuple(value) for value in columns.values()}) == 1:
            rows = next(iter(columns.values()))
            return [{key: value[row] for key, value in columns.items()} for row in rows]
        return [tree]
    raise DataError(
        "This JSON is no table",
        f"{name} holds {type(tree).__name__} where a list of objects was expected.",
        'For example: [{"text": "…", "label": "…"}, …]',
    )


def _keys(records: list[dict[str, Any]]) -> list[str]:
    shapes = dict.fromkeys(map(tuple, records))
    return list(dict.fromkeys(key for shape in shapes for key in shape))


def _cells(values: Iterable[Any]) -> list[str]:
    cells = list(values)
    if set(map(type, cells)) != {str}:
        cells = [one if type(one) is str else _cell(one) for one in cells]
    try:
        "".join(cells).encode("utf-8")
    except UnicodeEncodeError:  # half a surrogate pair, written as an escape
        cells = [one.encode("utf-8", "replace").decode("utf-8") for one in cells]
    return cells


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def read_parquet(raw: bytes, source: str, name: str, progress: Progress) -> Table:
    """A Parquet file; numbers as they print, nested values as JSON, columns of raw bytes left out with the reason.

    Whole numbers that the file itself describes as classes become their names.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(raw))
    except (pa.ArrowException, OSError) as broken:
        step = "Write it again, or save the table as CSV."
        raise DataError("This Parquet file cannot be read", f"{name}: {broken}", step) from None
    reading = [Decision("format", "Parquet", "by its content")]
    columns: dict[str, list[str]] = {}
    classes = class_names(table.schema.metadata)
    for at, column in enumerate(table.column_names):
        try:
            values = _plain(table.column(at), pa)
            names = classes.get(column, ())
            if names:
                values = [_named(one, names) for one in values]
                said = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
                reading.append(Decision("class names", column, f"from the file: {said}"))
            columns[column] = _cells(values)
        except (pa.ArrowException, ValueError) as broken:
            reading.append(Decision("left out", column, _why_left_out(table.column(at).type, broken, pa)))
        progress(at + 1, len(table.column_names), "columns")
    return whole_table(columns, source, tuple(reading))


def features_of(metadata: Mapping[bytes, bytes] | None) -> dict[str, Any]:
    """The columns as the `datasets` library describes them in a Parquet schema's `huggingface` key, by name."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def class_names(metadata: Mapping[bytes, bytes] | None) -> dict[str, tuple[str, ...]]:
    """The names behind the codes of each column of classes (`ClassLabel`, or a list of them), in the order of codes."""
    found: dict[str, tuple[str, ...]] = {}
    for column, feature in features_of(metadata).items():
        inner = feature[0] if isinstance(feature, list) and len(feature) == 1 else feature
        if isinstance(inner, dict) and isinstance(inner.get("feature"), dict):
            inner = inner["feature"]
        names = inner.get("names") if isinstance(inner, dict) and inner.get("_type") == "ClassLabel" else None
        if isinstance(names, list) and names:
            found[column] = tuple(map(str, names))
    return found


def _named(value: Any, names: tuple[str, ...]) -> Any:
    """The name of a code; several with `|` between; nothing for -1, which stands for a hidden label."""
    if isinstance(value, list):
        return "|".join(str(_named(str(one), names)) for one in value)
    code = int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else None
    if code is None:
        return value
    return "" if code == -1 else names[code] if 0 <= code < len(names) else value


def _why_left_out(kind: Any, broken: Exception, pa: Any) -> str:
    types = pa.types
    kind = kind.value_type if types.is_dictionary(kind) else kind
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return "its values are bytes that are no text"
    return f"its values of type {kind} cannot be written as text: {safe(str(broken))[:100]}"


def _plain(values: Any, pa: Any) -> list[Any]:
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if pa.types.is_nested(kind):
        return list(values.to_pylist())
    if pa.types.is_dictionary(values.type):
        values = values.cast(kind)
    return list(values.cast(pa.large_string()).to_pylist())
