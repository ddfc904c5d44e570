"""A user's regex over many texts: RE2 through pyarrow, whose time is linear in the text whatever the pattern is.

Python's own `re` may take hours on `(a+)+$` and cannot be interrupted meanwhile. The price is that RE2 knows no
look-around and no backreference, and that its `\\w` and `\\b` know ASCII letters only (`\\pL` is any letter).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError
from core.text import safe, shorten

LONGEST = 500
"""Characters of a pattern: what is longer was made by a program, or pasted by mistake."""


def matching(texts: NDArray[np.object_], pattern: str) -> NDArray[np.bool_]:
    """Which texts hold a match of the RE2 `pattern`. Raises `ConfigError` for one that cannot be used."""
    import pyarrow
    import pyarrow.compute

    shown = shorten(safe(pattern), 60)
    if len(pattern) > LONGEST:
        raise ConfigError(f"The regex has {len(pattern)} characters", f"{LONGEST} at most: {shown}")
    whole = [str(text).encode("utf-8", errors="replace") for text in texts]  # half a surrogate pair is no UTF-8
    column = pyarrow.array(whole, pyarrow.large_binary())
    try:
        pattern.encode()
        found = pyarrow.compute.match_substring_regex(column.cast(pyarrow.large_string()), pattern)
    except (pyarrow.ArrowInvalid, UnicodeEncodeError) as wrong:
        why = safe(str(wrong)).removeprefix("Invalid regular expression: ")
        step = "Look-arounds and backreferences are not known (RE2); (?i) at its start ignores case."
        raise ConfigError(f"The regex {shown} cannot be used", shorten(why, 200), step) from None
    mask: NDArray[np.bool_] = found.to_numpy(zero_copy_only=False)
    return mask
