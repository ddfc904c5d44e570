"""The Hub's own client library, made quiet and impatient, and what its errors mean for a person.

It would wait as long as a server asks it to, five times over, without a word: here it waits seconds, and whoever asked
is told how long it would have been.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from core.data.sources.remote import Counter, Unanswered, broken_off, busy, not_written, shown, unreachable, wait_of
from core.errors import DataError
from core.text import safe

SERVICE = "The Hub"
TIMEOUT_SECONDS = 20.0

_CHUNK = 1 << 20
"""Bytes between two steps of the progress."""
_TRIES = 3
_LONGEST_WAIT = 5


class _Busy(Exception):
    """The Hub asks for patience; none of the library's own errors, so that it does not go on trying."""

    def __init__(self, status: int, seconds: int) -> None:
        super().__init__(status)
        self.status, self.seconds = status, seconds


@contextmanager
def impatient() -> Iterator[None]:
    """While this lasts the library prints nothing, sends no telemetry, and gives up soon on a busy Hub.

    It also fetches by plain HTTP: its Xet client is a second one, with hosts, patience and errors of its own, and gains
    little with tables.
    """
    from huggingface_hub import constants, set_client_factory
    from huggingface_hub.utils import _http

    factory = getattr(_http, "_GLOBAL_CLIENT_FACTORY", _http.default_client_factory)
    logger = logging.getLogger("huggingface_hub")
    level, chunk, xet = logger.level, constants.DOWNLOAD_CHUNK_SIZE, constants.HF_HUB_DISABLE_XET
    failed = 0

    def watch(response: Any) -> None:
        nonlocal failed
        failed = failed + 1 if response.status_code == 429 or response.status_code >= 500 else 0
        seconds = wait_of(response.headers) if failed else 0
        if failed >= _TRIES or seconds > _LONGEST_WAIT:
            raise _Busy(response.status_code, seconds)

    def watched() -> Any:
        client = factory()
        hooks = client.event_hooks
        client.event_hooks = {**hooks, "response": [*hooks.get("response", []), watch]}
        return client

    logger.setLevel(logging.CRITICAL + 1)  # its warnings hold addresses, which may be signed
    constants.DOWNLOAD_CHUNK_SIZE = _CHUNK
    constants.HF_HUB_DISABLE_TELEMETRY = constants.HF_HUB_DISABLE_XET = True
    set_client_factory(watched)
    try:
        yield
    finally:
        set_client_factory(factory)
        constants.DOWNLOAD_CHUNK_SIZE, constants.HF_HUB_DISABLE_XET = chunk, xet
        logger.setLevel(level)


@contextmanager
def talking(name: str, repository: str) -> Iterator[None]:
    """Impatient while this lasts; raises what an error of the library means: `DataError`, or `Unanswered` when the
    cache may serve.
    """
    from huggingface_hub import errors

    http: Any = errors.HfHubHTTPError.__bases__[0]  # the HTTP library's own, whichever version that is
    with impatient():
        try:
            yield
        except (OSError, http, _Busy) as broken:
            meant = _explain(broken, name, repository)
            if meant is None:
                raise
            raise meant from None


def bar_class(counter: Counter) -> type[Any]:
    """What the library draws with, made to count into `counter`."""

    class Bar:
        def __init__(self, **_: object) -> None:
            return None

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def update(self, count: float | None = 1) -> None:
            counter.add(int(count or 0))

        def close(self) -> None:
            return None

    return Bar


def _explain(error: Exception, name: str, repository: str) -> DataError | Unanswered | None:
    """What an error of the library means; nothing when it is none of its own.

    `name`: the source as people know it; `repository`: whose page to look at.
    """
    from huggingface_hub import constants, errors

    if isinstance(error, errors.LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    if isinstance(error, _Busy):
        return busy(SERVICE, error.status, error.seconds)
    if isinstance(error, errors.OfflineModeIsEnabled):
        return unreachable(SERVICE, name, "HF_HUB_OFFLINE is set")
    if isinstance(error, errors.HfHubHTTPError):
        return _answered(error, name, repository)
    if isinstance(error, errors.HfHubHTTPError.__bases__[0]):
        return unreachable(SERVICE, name)
    if isinstance(error, BrokenPipeError):  # nobody reads our progress any more
        return None
    if isinstance(error, OSError) and error.errno:
        return not_written(error, constants.HF_HUB_CACHE, "HF_HUB_CACHE")
    if isinstance(error, OSError) and "onsistency check" in str(error):
        return broken_off(SERVICE, name)
    if isinstance(error, OSError):  # an answer without what the Hub always says
        why = f"What answers at {safe(constants.ENDPOINT)} is no Hub, or a proxy stands between."
        return DataError(f"{SERVICE} gave an answer that cannot be used", why, "Look at HF_ENDPOINT and the proxy.")
    return None


def _answered(error: Any, name: str, repository: str) -> DataError | Unanswered:
    from huggingface_hub import constants, errors

    status = int(error.response.status_code)
    page = f"{constants.ENDPOINT}/datasets/{repository}"
    if isinstance(error, errors.GatedRepoError):
        what = f"{name} is given only to those who accept its conditions."
        return DataError("This data set is gated", what, f"Accept them at {page}, then log in: {_log_in()}")
    if isinstance(error, errors.DisabledRepoError):
        return DataError("This data set is disabled", f"{name} was taken off the Hub.", f"See {page}")
    if isinstance(error, errors.RepositoryNotFoundError) or status == 401:
        return missing(name)
    if status == 429 or status >= 500:
        return busy(SERVICE, status, wait_of(error.response.headers))
    if status == 403:
        what = f"{name}: the Hub answered 403."
        return DataError("This data set may not be read from here", what, f"See {page}, and log in: {_log_in()}")
    if isinstance(error, errors.RemoteEntryNotFoundError):
        return DataError("A file of this data set is gone", f"{name}: the Hub no longer has it.", f"See {page}")
    return DataError("The Hub refused", f"{name}: it answered {status}.", f"See {page}")


def missing(name: str) -> DataError:
    """No such data set, or a private one: the Hub does not tell which."""
    from huggingface_hub import get_token

    what = f"{name}: the Hub has none of this name, or a private one."
    if get_token():
        return DataError("There is no such data set", what, "Check the name, and whose token you are logged in with.")
    return DataError("There is no such data set", what, f"Check the name; for a private one log in: {_log_in()}")


def _log_in() -> str:
    from huggingface_hub import constants

    return f"hf auth login (a token is looked for in HF_TOKEN, then in {shown(constants.HF_TOKEN_PATH)})."
