"""`hub:owner/name[/configuration][@revision]`: a data set of the Hugging Face Hub, its tables pinned to one commit.

    hub:owner/name/configuration    the newest commit; the table's source then says which
    hub:name, hub:name/configuration  the short names that some old data sets have
    hub:owner/name/path/of/a.csv    one file of it
    hub:owner/name@4f2a…            exactly that commit, or a branch or tag

Files lie in the Hub's own cache, and what they are in its folder for other programs: once fetched, a pinned source is
read without a network. No code of a data set ever runs.
"""

from core.data.sources.hub.read import read_table, stamp

__all__ = ["read_table", "stamp"]
