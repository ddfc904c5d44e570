"""The part of the Hub's protocol that reading a data set needs: repositories, revisions, files."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.servers.base import Handler, Server

Files = dict[str, bytes]


@dataclass
class Repository:
    """Commits by their sha, and names for some of them."""

    commits: dict[str, tuple[Files, dict[str, Any]]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    gated: bool = False
    token: str = ""
    """Who does not send it sees no repository."""
    short: int = 0
    """So many bytes fewer than announced are sent of every file."""

    def find(self, revision: str) -> str:
        """The commit that a revision means, or empty."""
        return self.refs.get(revision) or (revision if revision in self.commits else "")


@dataclass
class Hub(Server):
    """Data sets by their name."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    """Old names and what they are called now."""

    def commit(self, name: str, files: Files, card: dict[str, Any] | None = None, branch: str = "main") -> str:
        """Put a new commit on a branch; its sha."""
        repository = self.repositories.setdefault(name, Repository())
        seen = f"{name} {branch} {len(repository.commits)} {sorted(files)}"
        sha = hashlib.sha1(seen.encode()).hexdigest()
        repository.commits[sha] = (files, card or {})
        repository.refs[branch] = sha
        return sha

    def answer(self, handler: Handler) -> None:
        """One request of the client library."""
        address = urlsplit(handler.path)
        path = unquote(address.path)
        if found := re.fullmatch(r"/api/datasets/(.+?)(/refs|/revision/(.+))?", path):
            self._about(handler, found[1], found[3] or "main", found[2] == "/refs", parse_qs(address.query))
        elif found := re.fullmatch(r"/datasets/(.+?)/resolve/([0-9a-f]{40}|refs/convert/parquet|[^/]+)/(.+)", path):
            self._file(handler, found[1], found[2], found[3])
        else:
            handler.send(404, b"{}")

    def _repository(self, handler: Handler, name: str) -> Repository | None:
        found = self.repositories.get(name)
        if found and (not found.token or handler.headers.get("Authorization") == f"Bearer {found.token}"):
            return found
        handler.send(401, b'{"error": "Invalid username or password."}', {"X-Error-Code": "RepoNotFound"})
        return None

    def _about(self, handler: Handler, name: str, revision: str, refs: bool, query: dict[str, list[str]]) -> None:
        if name in self.moved:
            handler.send(307, b"", {"Location": handler.path.replace(name, self.moved[name], 1)})
            return
        repository = self._repository(handler, name)
        if repository is None:
            return
        if refs:
            branches = [
                {"name": one, "ref": f"refs/heads/{one}", "targetCommit": sha} for one, sha in repository.refs.items()
            ]
            handler.send(200, json.dumps({"branches": branches, "tags": [], "converts": []}).encode())
            return
        sha = repository.find(revision)
        if not sha:
            handler.send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            return
        files, card = repository.commits[sha]
        siblings = [
            {"rfilename": path} | ({"size": len(data)} if "blobs" in query else {}) for path, data in files.items()
        ]
        about = {"id": name, "sha": sha, "siblings": siblings, "cardData": card, "tags": [], "private": False}
        handler.send(200, json.dumps({**about, "gated": "auto" if repository.gated else False}).encode())

    def _file(self, handler: Handler, name: str, revision: str, path: str) -> None:
        repository = self._repository(handler, name)
        if repository is None:
            return
        sha = repository.find(revision)
        if repository.gated:
            handler.send(403, b"{}", {"X-Error-Code": "GatedRepo"})
        elif not sha or path not in repository.commits[sha][0]:
            handler.send(404, b"{}", {"X-Error-Code": "EntryNotFound" if sha else "RevisionNotFound"})
        else:
            data = repository.commits[sha][0][path]
            digest = hashlib.sha256(data).hexdigest()
            said = {"X-Repo-Commit": sha, "ETag": f'"{digest}"', "Accept-Ranges": "bytes"}
            said |= {"X-Xet-Hash": digest, "X-Xet-Refresh-Route": f"{self.address}/xet"}  # as most files of the Hub
            sent = data if handler.command == "HEAD" else data[: len(data) - repository.short]
            handler.send(200, sent, said | {"Content-Type": "application/octet-stream"})
