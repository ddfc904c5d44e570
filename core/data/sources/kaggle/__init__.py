"""`kaggle:owner/dataset[@version][/FILE]` and `kaggle:competition/NAME[/FILE]`, through Kaggle's own client library.

A data set is pinned to its version number; a competition has none, so its files stay as they were first fetched. Both
lie in the library's own cache. Credentials are those of the library, wherever it finds them; nobody is asked for them.
"""

from core.data.sources.kaggle.read import read_table, stamp

__all__ = ["read_table", "stamp"]
