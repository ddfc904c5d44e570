"""What the columns of a data set are: class names behind whole numbers, hidden labels, pictures without a text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from core.data.table import PARTS, Decision, Table
from core.errors import DataError
from core.text import safe

_TEXT = ("string", "large_string")
_MEDIA = ("image", "audio", "video", "pdf")


def card_features(card: Mapping[str, Any], configuration: str) -> list[Mapping[str, Any]]:
    """The columns that the card's `dataset_info` lists for a configuration."""
    said = card.get("dataset_info")
    infos = [one for one in (said if isinstance(said, list) else [said]) if isinstance(one, Mapping)]
    named = [one for one in infos if one.get("config_name") == configuration] or (infos if len(infos) == 1 else [])
    features = named[0].get("features") if named else None
    return [one for one in features if isinstance(one, Mapping)] if isinstance(features, list) else []


def card_labels(features: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Class names by column: `dtype: {class_label: {names: {'0': neg, '1': pos}}}`."""
    found: dict[str, tuple[str, ...]] = {}
    for one in features:
        kind = one.get("dtype")
        label = kind.get("class_label") if isinstance(kind, Mapping) else None
        names = label.get("names") if isinstance(label, Mapping) else None
        if isinstance(names, Mapping):
            names = [names[code] for code in sorted(names, key=lambda code: int(code) if str(code).isdigit() else -1)]
        if isinstance(names, list) and names:
            found[str(one.get("name"))] = tuple(map(str, names))
    return found


def require_text(kinds: Mapping[str, str], name: str) -> None:
    """Raise `DataError` when a data set (the kind of each column, by name) has pictures or sounds and no text."""
    if any(kind in _MEDIA for kind in kinds.values()) and not any(kind in _TEXT for kind in kinds.values()):
        columns = ", ".join(f"{safe(column)} ({safe(kind)})" for column, kind in list(kinds.items())[:12])
        raise DataError("This data set holds no text", f"The columns of {name}: {columns}.", "Choose one with texts.")


def card_kinds(features: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The kind of each column as the card says it."""
    return {str(one.get("name")): one["dtype"] if isinstance(one.get("dtype"), str) else "" for one in features}


def file_columns(path: Path) -> tuple[dict[str, str], set[str]]:
    """The kind of each column of a Parquet file by its own description, and those columns that hold classes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from core.data.reading.parquet import class_names, features_of

    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError):
        return {}, set()  # whoever reads it says what is wrong with it
    kinds = {}
    for column, feature in features_of(schema.metadata).items():
        kind = str(feature.get("_type") or "").lower() if isinstance(feature, dict) else ""
        kinds[column] = str(feature.get("dtype")) if kind == "value" else kind
    return kinds, set(class_names(schema.metadata))


def named(table: Table, labels: Mapping[str, tuple[str, ...]]) -> Table:
    """`table` with class names for the whole numbers in the columns of `labels`; -1 is a label that is hidden."""
    frame, said = table.frame, list(table.reading)
    for column, names in labels.items():
        if column not in frame.columns:
            continue
        meant = {str(code): name for code, name in enumerate(names)} | {"-1": "", "": ""}
        if not frame[column].isin(list(meant)).all():
            continue  # names already, or numbers that the card does not know
        cells = frame[column].map(meant).astype("str")
        frame = frame.assign(**{column: pd.Series(cells, index=frame.index)})
        said.append(Decision("class names", column, f"from the card: {', '.join(names[:6])}"))
    return replace(table, frame=frame, reading=tuple(said))


def without_hidden(table: Table, labels: Iterable[str]) -> Table:
    """`table` without the parts all of whose labels are empty: their publisher keeps them for a contest."""
    columns = [one for one in labels if one in table.frame.columns]
    if table.part is None or not columns:
        return table
    empty = (table.frame[columns] == "").all(axis=1).to_numpy()
    for code, part in enumerate(PARTS):
        inside = table.part == code
        count = int(inside.sum())
        if not count or count == len(inside) or not empty[inside].all():
            continue
        kept = ~inside
        empty = empty[kept]
        said = Decision("left out", f"the {part} part", f"its {count} labels are hidden")
        table = replace(
            table,
            frame=table.frame[kept].reset_index(drop=True),
            rows=table.rows[kept],
            part=table.part[kept] if table.part is not None else None,
            dropped={**table.dropped, f"hidden labels of the {part} part": count},
            reading=(*table.reading, said),
        )
    return table
