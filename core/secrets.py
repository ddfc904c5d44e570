"""Passwords and tokens out of texts that are kept or shown: libraries put what they were given into their errors."""

from __future__ import annotations

import os
import re

_NAMES = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|APIKEY|(?:^|_)KEY(?:_|$)", re.IGNORECASE)

_SHORTEST = 8
"""Characters of a value below which it is none: `TOKENIZERS_PARALLELISM=false`."""

_SHAPES = re.compile(r"\b(?:hf_|ghp_|gho_|github_pat_|KGAT_|AKIA|sk-)[A-Za-z0-9_-]{12,}")
"""Tokens that say what they are, wherever they came from: the login of the hub lies in a file, not in a variable."""

_IN_URL = re.compile(r"(\w://|https?:/)[^/\s@]+@")
"""Also where somebody took the address for a path, in which two slashes are one."""


def without_secrets(text: str) -> str:
    """`text` with the values of this process's secret variables, known tokens and logins in addresses taken out."""
    for name, value in os.environ.items():
        if len(value) >= _SHORTEST and value in text and _NAMES.search(name) and not value.startswith(os.sep):
            text = text.replace(value, f"[{name}]")
    return _IN_URL.sub(r"\1[login]@", _SHAPES.sub("[token]", text))
