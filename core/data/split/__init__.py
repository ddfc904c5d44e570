"""Rows dealt into train, validation and the locked test part."""

from core.data.split.dealing import Split, split_rows

__all__ = ["Split", "split_rows"]
