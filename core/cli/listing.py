"""What a list of runs shows, in which order, and how much room they take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Optional

import typer

from core.cli.console import say
from core.cli.report import size_text
from core.errors import ConfigError
from core.runs import RunStore, Summary
from core.runs.disk import Usage, usage, usages
from core.runs.filter import parse
from core.runs.order import KEYS, ordered
from core.runs.ranking import best_names
from core.runs.store import TRASH

FilterArgument = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Argument(
        metavar="[FILTER]...",
        help="What must hold, quoted for the shell: otter 'f1>.85' 'time>10m' data:smile tag:baseline is:starred "
        "after:2026-11-01 not state:failed",
        show_default=False,
    ),
]
SortOption = Annotated[str, typer.Option("--sort", metavar="KEY", help=f"By {', '.join(KEYS)}.")]
ReverseOption = Annotated[bool, typer.Option("--reverse", help="The other way round.")]
LimitOption = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option("--limit", min=1, help="So many at most.", show_default=False),
]
ArchivedOption = Annotated[bool, typer.Option("--archived", help="Only those that were put aside.")]
AllOption = Annotated[bool, typer.Option("--all", help="Those that were put aside too.")]
SizesOption = Annotated[bool, typer.Option("--sizes", help="How much room each takes, and all of them.")]

HINTS = 12
"""Runs of a list that are said to wait for somebody."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The runs to show in their order; `stars` are the names of the best ones, `total` counts all there are."""

    shown: list[Summary]
    stars: set[str]
    total: int
    hidden: int
    """Archived runs that are left out."""
    sizes: Mapping[str, Usage] | None = None


def listing(
    store: RunStore,
    words: list[str],
    *,
    sort: str = "f1",
    reverse: bool = False,
    limit: int | None = None,
    archived: bool = False,
    everything: bool = False,
    sizes: bool = False,
) -> Listing:
    """The runs that `words` leave, ordered and cut. Raises `ConfigError` for a wrong word of the filter or sort key."""
    if sort not in KEYS:
        raise ConfigError(f"Runs cannot be sorted by {sort!r}", f"Known: {', '.join(KEYS)}.")
    wanted = parse(" ".join(words))
    found = store.list()
    is_open = archived or everything
    kept = [one for one in wanted.apply(found, archived=is_open) if one.is_archived or not archived]
    left_out = 0 if is_open or wanted.asks_archived else sum(one.is_archived for one in found)
    room = usages(one.path for one in kept) if sizes or sort == "size" else None
    shown = ordered(kept, sort, reverse=reverse, sizes=room)[:limit]
    stars = best_names(one for one in found if is_open or wanted.asks_archived or not one.is_archived)
    return Listing(shown, stars, len(found), left_out, room)


def say_room(store: RunStore, found: Listing) -> None:
    """`12 runs, 1.8 GiB (checkpoints 0.9 GiB, epochs 210 MiB); 3 GiB more in the trash`."""
    trash = usage(store.root / TRASH).total
    told = room_text([(found.sizes or {}).get(one.name, Usage()) for one in found.shown])
    say(f"{told}; {size_text(trash)} more in the trash" if trash else told)


def room_text(rooms: list[Usage]) -> str:
    """The same for runs of these sizes, without the trash."""
    whole = sum(rooms, Usage())
    parts = [("checkpoints", whole.checkpoints), ("epochs", whole.epochs)]
    told = ", ".join(f"{name} {size_text(size)}" for name, size in parts if size)
    count = f"{len(rooms)} run{'s' * (len(rooms) != 1)}, {size_text(whole.total)}"
    return f"{count} ({told})" if told else count
