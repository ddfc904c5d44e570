"""The part of Kaggle's protocol that reading a data set needs. The library is sent here as through a proxy."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.servers.base import Handler, Server

Files = dict[str, bytes]


@dataclass
class Kaggle(Server):
    """Data sets (`owner/name`) with their versions, counted from 1; competitions; what may be asked without login."""

    datasets: dict[str, list[Files]] = field(default_factory=dict)
    competitions: dict[str, Files] = field(default_factory=dict)
    token: str = ""
    """Who does not send it is not let in."""
    ranges: bool = True
    """Whether a download can be taken up in its middle."""
    wrong_hash: dict[str, str] = field(default_factory=dict)
    hub_version: str = ""
    """The newest version of the library, as every answer tells it."""

    def answer(self, handler: Handler) -> None:
        """One request of the client library."""
        address = urlsplit(handler.path)
        if address.path.startswith("/storage"):
            self._stored(handler, {key: values[0] for key, values in parse_qs(address.query).items()})
            return
        if self.token and handler.headers.get("Authorization") != f"Bearer {self.token}":
            handler.send(401, b"{}")
            return
        asked = json.loads(handler.body or b"{}")
        request = address.path.rpartition("/")[2]
        if request == "GetDataset":
            self._about(handler, f"{asked['ownerSlug']}/{asked['datasetSlug']}")
        elif request == "DownloadDataset":
            name, version = f"{asked['ownerSlug']}/{asked['datasetSlug']}", str(asked["datasetVersionNumber"])
            self._redirect(handler, {"dataset": name, "version": version, "file": asked.get("fileName") or ""})
        elif request in ("DownloadDataFiles", "DownloadDataFile"):
            self._redirect(handler, {"competition": asked["competitionName"], "file": asked.get("fileName") or ""})
        else:
            handler.send(404, b"{}")

    def _about(self, handler: Handler, name: str) -> None:
        if name not in self.datasets:
            handler.send(404, b"{}")
            return
        owner, _, slug = name.partition("/")
        about = {"ownerRef": owner, "ref": name, "title": slug, "currentVersionNumber": len(self.datasets[name])}
        newer = {"X-Kaggle-HubVersion": self.hub_version} if self.hub_version else {}
        handler.send(200, json.dumps(about).encode(), newer)

    def _redirect(self, handler: Handler, where: dict[str, str]) -> None:
        if self._files(where) is None:
            handler.send(404, b"{}")
        else:
            address = f"http://localhost/storage?{urlencode({**where, 'signature': 'SIGNED'})}"
            handler.send(302, b"", {"Location": address})

    def _files(self, where: dict[str, str]) -> Files | None:
        if "dataset" in where:
            versions, number = self.datasets.get(where["dataset"], []), int(where["version"])
            files = versions[number - 1] if number <= len(versions) else None
        else:
            files = self.competitions.get(where["competition"])
        file = where.get("file")
        return None if files is None or (file and file not in files) else {file: files[file]} if file else files

    def _stored(self, handler: Handler, where: dict[str, str]) -> None:
        files = self._files(where)
        assert files is not None
        body = files[where["file"]] if "file" in where else zipped(files)
        digest = base64.b64encode(hashlib.md5(body).digest()).decode()
        said = {"Content-Type": "application/octet-stream", "x-goog-hash": f"crc32c=AAAAAA==,md5={digest}"}
        said["Last-Modified"] = "Wed, 21 Oct 2015 07:28:00 GMT"
        handler.send(200, body, said | self.wrong_hash | ({"Accept-Ranges": "bytes"} if self.ranges else {}))


def zipped(files: Files) -> bytes:
    """An archive, the same bytes each time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()
