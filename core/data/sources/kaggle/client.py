"""Kaggle's own client library, made quiet and impatient, and what its errors mean for a person."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.data.sources.kaggle.names import Asked, handle_of
from core.data.sources.remote import Counter, Unanswered, busy, not_written, shown, unreachable, wait_of
from core.errors import DataError
from core.protocol import Progress
from core.text import safe

SERVICE = "Kaggle"

_TIMEOUT_SECONDS = (10.0, 60.0)
"""To connect, and between two pieces of an answer."""


@contextmanager
def counted(progress: Progress) -> Iterator[None]:
    """While this lasts the library's progress bars count for us, and its requests do not wait for ever."""
    from kagglehub import clients, http_resolver

    counter = Counter(progress)

    class Bar:
        def __init__(self, total: int = 0, initial: int = 0, **_: object) -> None:
            counter.expect(total, initial)

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, failed: object, *_: object) -> None:
            if failed is None:
                progress(0, 0, "unpacking")

        def update(self, count: int) -> None:
            counter.add(count)

    bar, build = clients.tqdm, http_resolver.build_kaggle_client
    clients.tqdm, http_resolver.build_kaggle_client = Bar, impatient_client
    try:
        yield
    finally:
        clients.tqdm, http_resolver.build_kaggle_client = bar, build


def impatient_client() -> Any:
    """The library's client, with an end to its patience: by itself it waits for an answer for ever."""
    from kagglehub.clients import build_kaggle_client
    from requests.adapters import HTTPAdapter

    client = build_kaggle_client()
    http = client.http_client().__enter__()
    adapter = HTTPAdapter()
    send = adapter.send

    def soon(request: Any, **settings: Any) -> Any:
        return send(request, **{**settings, "timeout": settings.get("timeout") or _TIMEOUT_SECONDS})

    adapter.send = soon  # type: ignore[method-assign, assignment]
    for scheme in ("https://", "http://"):
        http._session.mount(scheme, adapter)
    return client


@contextmanager
def talking(asked: Asked, name: str) -> Iterator[None]:
    """Raises what an error of the library means: `DataError`, or `Unanswered` when the cache may serve."""
    import kagglehub.clients
    from kagglehub.exceptions import CredentialError, UnauthenticatedError
    from requests import exceptions

    quiet = logging.getLogger("kagglehub")  # it would print to stdout, which belongs to our own answers
    quiet.handlers, quiet.propagate = [logging.NullHandler()], False
    kagglehub.clients.already_printed_version_warning = True
    try:
        yield
    except (UnauthenticatedError, CredentialError):
        raise DataError("Kaggle asks who you are", f"{name} is given only to those who log in.", _log_in()) from None
    except exceptions.HTTPError as refused:
        raise _answered(refused, asked, name) from None
    except exceptions.ChunkedEncodingError:
        raise
    except exceptions.RequestException:
        raise unreachable(SERVICE, name) from None
    except BrokenPipeError:  # nobody reads our progress any more
        raise
    except OSError as broken:
        from kagglehub.config import get_cache_folder

        raise not_written(broken, get_cache_folder(), "KAGGLEHUB_CACHE") from None
    except ValueError as broken:
        if "credentials" not in str(broken):
            raise
        raise DataError("The Kaggle credentials cannot be read", safe(str(broken))[:200], _log_in()) from None


def _answered(refused: Any, asked: Asked, name: str) -> DataError | Unanswered:
    from kagglehub.config import get_kaggle_credentials

    status, page = int(refused.response.status_code), handle_of(replace(asked, version=0)).to_url()
    known = get_kaggle_credentials() is not None
    if status == 429 or status >= 500:
        return busy(SERVICE, status, wait_of(refused.response.headers))
    if status == 401:
        title = "Kaggle does not take these credentials" if known else "Kaggle asks who you are"
        return DataError(title, f"{name}: it answered 401.", _log_in())
    if status == 403 and not asked.owner:
        what = f"{name}: those who have accepted its rules may fetch it."
        step = f"Accept them at {page}/rules" + ("." if known else f", then log in: {_log_in()}")
        return DataError("The rules of this competition are not accepted", what, step)
    if status == 403:
        what = f"{name}: it is private, asks for consent, or there is none of this name."
        step = f"See {page}" + ("." if known else f", then log in: {_log_in()}")
        return DataError("Kaggle does not give this data set", what, step)
    if status == 404 and (asked.file or asked.version):
        what = f"{name}: there is no such data set, version or file." if asked.owner else f"{name}: no such file."
        return DataError("Kaggle has nothing of this name", what, f"Compare the name with {page}")
    if status == 404:
        kind = "data set" if asked.owner else "competition"
        return DataError(
            f"There is no such {kind}", f"{name}: Kaggle has none of this name.", f"Compare it with {page}"
        )
    return DataError("Kaggle refused", f"{name}: it answered {status}.", f"See {page}")


def _log_in() -> str:
    """Where the library looks for credentials; it is never asked for them here."""
    from kagglehub import config

    file = shown(Path(config._get_kaggle_credentials_file()))
    return (
        "Make a token in your Kaggle account's settings; it is looked for in KAGGLE_API_TOKEN, in "
        f"~/.kaggle/access_token, in KAGGLE_USERNAME with KAGGLE_KEY, and in {file}."
    )
