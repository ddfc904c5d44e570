"""A disk that may lose power: what is on it after some calls, when nothing is sure but what was synced.

The content of a file is sure up to its last fsync, an entry of a folder up to the folder's. What came later is there
or not, each change for itself, in any combination: more than a real file system does, which keeps the order of its
journal. A rename alone is one change: its old and its new name come and go together.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path, PurePath

from tests.faults.layer import Call

Tree = dict[str, bytes | None]
"""Path below the root -> content, or none for a folder."""

PAGE = 4096


@dataclass(slots=True)
class Node:
    """A file or folder. `sure` is what the disk holds for certain, `now` what programs see."""

    is_folder: bool
    now: bytearray = field(default_factory=bytearray)
    sure: bytes = b""
    entries: dict[str, Node] = field(default_factory=dict)
    kept: dict[str, Node] = field(default_factory=dict)
    """Entries of a folder as far as they are durable."""


Change = list[tuple[Node, str, Node | None]]
"""Entries that are set or, with none, removed, all at once."""


class Disk:
    """Built from a real folder; `apply` the recorded calls one by one, and ask for `states` in between."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._top = _read(root)
        self._pending: list[Change] = []

    def apply(self, call: Call) -> None:
        """What one call does, to what programs see and to what is sure."""
        match call.kind:
            case "create" | "mkdir":
                self._change([(*self._at(call.path), Node(call.kind == "mkdir"))])
            case "write":
                content = self._node(call.path).now
                content[call.offset : call.offset + len(call.data)] = call.data
            case "truncate":
                del self._node(call.path).now[call.offset :]
            case "fsync":
                self._sync(self._node(call.path))
            case "rename":
                moved = self._node(call.path)
                self._change([(*self._at(call.path), None), (*self._at(call.other), moved)])
            case "exchange":
                one, other = self._node(call.path), self._node(call.other)
                self._change([(*self._at(call.path), other), (*self._at(call.other), one)])
            case "unlink" | "rmdir":
                self._change([(*self._at(call.path), None)])

    def states(self, chance: random.Random, most: int) -> Iterator[Tree]:
        """What may be found after a power cut now: all combinations when these are few, else `most` drawn ones."""
        number = len(self._pending)
        if 2**number <= most // 4:
            kept: list[tuple[bool, ...]] = list(product((False, True), repeat=number))
        else:
            kept = [(True,) * number, (False,) * number]
            kept += [tuple(chance.random() < 0.5 for _ in range(number)) for _ in range(most // 4)]
        for which in kept:
            for damage in (_nothing, _half, _zeros, _all):
                yield self._state(which, lambda _, damage=damage: damage)  # type: ignore[misc]
            yield self._state(which, lambda _: chance.choice((_nothing, _half, _zeros, _all)))

    def _state(self, which: tuple[bool, ...], damage: Callable[[Node], Callable[[Node], bytes]]) -> Tree:
        folders: dict[int, dict[str, Node]] = {}

        def entries(folder: Node) -> dict[str, Node]:
            return folders.setdefault(id(folder), dict(folder.kept))

        for keep, change in zip(which, self._pending, strict=True):
            if keep:
                for folder, name, node in change:
                    entries(folder).pop(name, None)
                    if node is not None:
                        entries(folder)[name] = node
        tree: Tree = {}

        def walk(folder: Node, path: PurePath) -> None:
            for name, node in entries(folder).items():
                tree[str(path / name)] = None if node.is_folder else damage(node)(node)
                if node.is_folder:
                    walk(node, path / name)

        walk(self._top, PurePath())
        return tree

    def _change(self, change: Change) -> None:
        for folder, name, node in change:
            folder.entries.pop(name, None)
            if node is not None:
                folder.entries[name] = node
        self._pending.append(change)

    def _sync(self, node: Node) -> None:
        node.sure = bytes(node.now)
        left = []
        for change in self._pending:
            if not any(folder is node for folder, _, _ in change):
                left.append(change)
                continue
            for folder, name, entry in change:
                folder.kept.pop(name, None)
                if entry is not None:
                    folder.kept[name] = entry
        self._pending = left

    def _node(self, path: str) -> Node:
        node = self._top
        for part in PurePath(path).relative_to(self._root).parts:
            node = node.entries[part]
        return node

    def _at(self, path: str) -> tuple[Node, str]:
        return self._node(str(PurePath(path).parent)), PurePath(path).name


def _read(path: Path) -> Node:
    if not path.is_dir():
        return Node(False, bytearray(path.read_bytes()), path.read_bytes())
    entries = {one.name: _read(one) for one in path.iterdir()}
    return Node(True, entries=entries, kept=dict(entries))


def _nothing(node: Node) -> bytes:
    return node.sure


def _half(node: Node) -> bytes:
    grown = len(node.now) - len(node.sure)
    return bytes(node.now[: len(node.sure) + grown // 2]) if grown > 0 else node.sure


def _zeros(node: Node) -> bytes:
    """Its length is on the disk, its last pages are not."""
    if bytes(node.now) == node.sure:
        return node.sure
    begin = min(len(node.sure), len(node.now)) // PAGE * PAGE
    whole = max(begin, len(node.sure)) if len(node.sure) < len(node.now) else begin
    return bytes(node.now[:whole]) + bytes(len(node.now) - whole)


def _all(node: Node) -> bytes:
    return bytes(node.now)


def put(tree: Tree, root: Path) -> None:
    """Make the empty folder `root` hold what `tree` says."""
    for path, content in tree.items():
        if content is None:
            (root / path).mkdir()
        else:
            (root / path).write_bytes(content)
