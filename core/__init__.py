"""finetui's engine: data, training, runs and answers, without a screen.

The names a Python user needs are here, loaded on first use so that `import core` stays cheap:

>>> import core
>>> run = core.train("reviews.csv", epochs=3)
>>> print(run.scores["validation"]["macro_f1"])
>>> core.classify(run, ["not a bad word to say about it"])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.api import classify, open_run, train

__version__ = "0.1.0"
__all__ = ["classify", "open_run", "train"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from core import api

        return getattr(api, name)
    raise AttributeError(f"module 'core' has no attribute {name!r}")
