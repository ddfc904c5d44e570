"""Parquet as a table of text cells, and what such a file says about its classes."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from core.data.reading.ceiling import Ceiling
from core.data.reading.records import cells, nul_decision
from core.data.table import Decision, Table, whole_table
from core.errors import DataError
from core.protocol import Progress
from core.text import safe

_BATCH = 1024
"""Rows unpacked at once: between two batches it is seen whether they are too many."""
_ALWAYS = 1 << 28
"""Bytes that may come out of a file whatever its size: equal cells, which some real tables have, pack to nothing."""


def read_parquet(raw: bytes, source: str, name: str, progress: Progress) -> Table:
    """A Parquet file; numbers as they print, nested values as JSON, columns of raw bytes left out with the reason.

    Whole numbers that the file itself describes as classes become their names.
    """
    import pyarrow as pa

    try:
        table = _unpacked(raw, name)
    except (pa.ArrowException, OSError) as broken:
        step = "Write it again, or save the table as CSV."
        raise DataError("This Parquet file cannot be read", f"{name}: {broken}", step) from None
    reading = [Decision("format", "Parquet", "by its content")]
    columns: dict[str, list[str]] = {}
    classes, nuls = class_names(table.schema.metadata), 0
    for at, column in enumerate(table.column_names):
        try:
            values = _plain(table.column(at), pa)
            names = classes.get(column, ())
            if names:
                values = [_named(one, names) for one in values]
                said = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
                reading.append(Decision("class names", column, f"from the file: {said}"))
            columns[column], more = cells(values)
            nuls += more
        except (pa.ArrowException, ValueError) as broken:
            reading.append(Decision("left out", column, _why_left_out(table.column(at).type, broken, pa)))
        progress(at + 1, len(table.column_names), "columns")
    return whole_table(columns, source, (*nul_decision(nuls), *reading))


def _unpacked(raw: bytes, name: str) -> Any:
    """The Arrow table in a file, counted while it grows: a text that repeats a million times takes a few bytes there.

    Raises `DataError` for more than any data packs to.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(io.BytesIO(raw))
    ceiling = Ceiling(len(raw), name, _ALWAYS)
    batches = []
    for batch in file.iter_batches(_BATCH):
        ceiling.add(batch.nbytes)
        batches.append(batch)
    schema = batches[0].schema if batches else file.schema_arrow
    return pa.Table.from_batches(batches, schema).replace_schema_metadata(file.schema_arrow.metadata)


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
