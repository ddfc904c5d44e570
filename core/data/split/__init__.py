"""Rows dealt into train, validation and the locked test part."""

from core.data.split.choose import split_rows
from core.data.split.parts import Split

__all__ = ["Split", "split_rows"]
