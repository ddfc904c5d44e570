"""What in a model folder would run somebody's code, or read files that are not the model's: refused before it loads.

transformers is always told not to trust a model's code. What stands here is what it would still follow: an attention
that names code on the hub, an adapter that names another model, a link that leads out of the folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.text import safe

_SWITCHES = ("_attn_implementation", "attn_implementation", "_experts_implementation", "experts_implementation")
"""Keys of config.json by which a model chooses how it computes; a name with a `/` is code fetched from the hub."""

_KERNELS = ("use_kernels", "kernel_config")

_ADAPTER = "adapter_config.json"

_READ = (".json", ".txt", ".model", ".jinja")
"""Endings of the files whose content can come to light again, in a vocabulary or an error: weights are none of them."""

LARGEST = 256 << 20
"""Bytes of one such file at most: the vocabularies of a thousand languages have a tenth of that."""


def refuse_foreign(name: str, folder: Path, config: dict[str, Any]) -> None:
    """Raise `ModelError` when the model in `folder`, whose `config.json` is `config`, brings code or others' files."""
    what = _code_in(config)
    if not what and (folder / _ADAPTER).exists():
        what = f"{_ADAPTER} stands for another model, which would be loaded in its place."
    if what:
        raise ModelError(
            f"{safe(name)} brings program code of its own" if "auto_map" in config else f"{safe(name)} is not taken",
            what,
            "Choose a model of an architecture that transformers contains.",
        )
    for path in sorted(folder.iterdir()):
        if path.suffix in _READ:
            _refuse_link(name, folder, path)
            if path.is_file() and path.stat().st_size > LARGEST:
                size = f"{path.stat().st_size / 1e6:,.0f} MB".replace(",", " ")
                raise ModelError(
                    f"{safe(path.name)} of {safe(name)} is too large",
                    f"It has {size}; {LARGEST / 1e6:.0f} MB are read at most.",
                    "Fetch or save the model again, or choose another: --model starter.",
                )


def _code_in(config: dict[str, Any]) -> str:
    """Which code `config` would have run, in a sentence; empty for none."""
    if "auto_map" in config:
        return "Code that comes with a model is never run here."
    for key in _SWITCHES:
        named = config.get(key)
        parts = named.values() if isinstance(named, dict) else [named]
        if any("/" in str(part) or ":" in str(part) for part in parts if part is not None):
            return f"Its config.json fetches code: {key} is {safe(repr(named))[:80]}. Such code is never run here."
    for key in _KERNELS:
        if config.get(key):
            return (
                f"Its config.json fetches code: {key} is {safe(repr(config[key]))[:80]}. Such code is never run here."
            )
    return ""


def _refuse_link(name: str, folder: Path, path: Path) -> None:
    """Raise `ModelError` for a link that leads out of the folder. The hub's own cache is made of links into `blobs`."""
    if not path.is_symlink():
        return
    home = folder.resolve()
    blobs = home.parent.parent / "blobs" if home.parent.name == "snapshots" else home
    target = path.resolve()
    if not target.is_relative_to(home) and not target.is_relative_to(blobs):
        raise ModelError(
            f"{safe(path.name)} of {safe(name)} is a link out of its folder",
            f"It leads to {safe(target)}, which would become part of the model.",
            "Where you trust it, put the file itself into the folder.",
        )
