"""From what a person named as the source to a table."""

from core.data.sources.local import read_table, stamp

__all__ = ["read_table", "stamp"]
