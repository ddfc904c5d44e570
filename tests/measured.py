"""The measured part of a page of documentation: what stands between two markers is written by a bench."""

from __future__ import annotations

from pathlib import Path


def rewrite(page: Path, begin: str, end: str, text: str) -> None:
    """Put `text` between the two markers of `page`. Raises `ValueError` when it has none."""
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{page.name} has no lines {begin} and {end}")
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
