"""A stand-in for the Hugging Face hub and ModelScope on 127.0.0.1: as much of their HTTP APIs as listing and fetching
data sets takes."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Repository:
    """Files by revision ("main", or a branch). `status` other than 200 refuses everything."""

    files: Mapping[str, Mapping[str, bytes]]
    card: Mapping[str, Any] | None = None
    status: int = 200
    error_code: str = ""

    def sha(self, revision: str) -> str:
        return hashlib.sha1(revision.encode()).hexdigest()

    def revision(self, named: str) -> str | None:
        """The branch of a name or a commit."""
        return next((branch for branch in self.files if named in (branch, self.sha(branch))), None)


@dataclass
class StandinHub:
    repositories: dict[str, Repository]
    url: str = ""
    asked: list[str] = field(default_factory=list)
    """Method and path of every request."""

    def answer(self, method: str, target: str) -> tuple[int, dict[str, str], bytes]:
        path = unquote(urlsplit(target).path)
        self.asked.append(f"{method} {path}")
        if path.startswith("/api/v1/"):
            return self._modelscope(path, parse_qs(urlsplit(target).query))
        api = path.startswith("/api/datasets/")
        owner, name, *rest = path.removeprefix("/api").removeprefix("/datasets/").split("/")
        repository = self.repositories.get(f"{owner}/{name}")
        if repository is None:
            return 404, {"X-Error-Code": "RepoNotFound"}, b"{}"
        if repository.status != 200:
            return repository.status, {"X-Error-Code": repository.error_code}, b"{}"
        if api:
            branch = repository.revision("/".join(rest[1:]) or "main")
            return self._info(f"{owner}/{name}", repository, branch)
        kind, named, *inner = rest
        branch = repository.revision(named)
        content = None if branch is None else repository.files[branch].get("/".join(inner))
        if kind != "resolve" or branch is None or content is None:
            return 404, {"X-Error-Code": "EntryNotFound"}, b""
        etag = hashlib.sha1(content).hexdigest()
        return 200, {"ETag": f'"{etag}"', "X-Repo-Commit": repository.sha(branch)}, content

    def _modelscope(self, path: str, query: Mapping[str, list[str]]) -> tuple[int, dict[str, str], bytes]:
        words = path.removeprefix("/api/v1/datasets/").split("/")
        repository = self.repositories.get("/".join(words[:2]))
        if repository is None:
            return 404, {}, b'{"Code": 10010205001, "Message": "not found"}'
        files = repository.files["main"]
        if words[2:] == ["repo", "tree"]:
            listed = [
                {"Path": name, "Type": "blob", "Size": len(content), "Sha256": hashlib.sha256(content).hexdigest()}
                for name, content in files.items() if name.startswith(query.get("Root", [""])[0])
            ]  # fmt: skip
            return 200, {}, json.dumps({"Code": 200, "Success": True, "Data": {"Files": listed}}).encode()
        return 200, {}, files[query["FilePath"][0]]

    def _info(self, name: str, repository: Repository, branch: str | None) -> tuple[int, dict[str, str], bytes]:
        if branch is None:
            return 404, {"X-Error-Code": "RevisionNotFound"}, b"{}"
        info: dict[str, Any] = {
            "id": name, "sha": repository.sha(branch), "private": False, "disabled": False, "gated": False,
            "downloads": 0, "likes": 0, "tags": [], "siblings": [{"rfilename": f} for f in repository.files[branch]],
        }  # fmt: skip
        if repository.card is not None and branch == "main":
            info["cardData"] = repository.card
        return 200, {"Content-Type": "application/json"}, json.dumps(info).encode()


@contextmanager
def standin_hub(repositories: dict[str, Repository]) -> Iterator[StandinHub]:
    """Serves the repositories until the block ends."""
    hub = StandinHub(repositories)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = hub.answer(self.command, self.path)
            self.send_response(status)
            for header, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(header, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Tests look at `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
