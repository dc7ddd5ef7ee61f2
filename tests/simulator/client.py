"""A client of bare sockets, so that tests see exactly what was on the wire and how it ended."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

LAST_CHUNK = b"0\r\n\r\n"
PATIENCE_S = 30.0


@dataclass
class Heard:
    """One reply: the body without its chunk frames, and how the connection treated us."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    chunks: list[bytes] = field(default_factory=list)
    end: str = ""  # "whole", "fin" (closed too early), "rst"

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> list[str]:
        """The data of each event."""
        return [line[6:] for line in self.body.decode().splitlines() if line.startswith("data: ")]

    @property
    def names(self) -> list[str]:
        return [line[7:] for line in self.body.decode().splitlines() if line.startswith("event: ")]

    @property
    def events(self) -> list[Any]:
        """The same as JSON, without [DONE]."""
        return [json.loads(data) for data in self.data if data != "[DONE]"]


def request_bytes(path: str, fields: dict[str, Any] | bytes, headers: dict[str, str] | None = None) -> bytes:
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def exchange(port: int, request: bytes) -> Heard:
    """Send one request on a connection of its own and hear all that comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(PATIENCE_S):
            return await hear(reader)
    finally:
        writer.close()


async def hear(reader: asyncio.StreamReader) -> Heard:
    """One reply from a connection."""
    heard = Heard()
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        status_line, *lines = head.rstrip().split("\r\n")
        heard.status = int(status_line.split()[1])
        heard.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        if "content-length" in heard.headers:
            heard.chunks.append(await reader.readexactly(int(heard.headers["content-length"])))
        else:
            while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
                heard.chunks.append((await reader.readexactly(size + 2))[:-2])
            await reader.readexactly(2)
        heard.end = "whole"
    except asyncio.IncompleteReadError:
        heard.end = "fin"
    except ConnectionResetError:
        heard.end = "rst"
    return heard


def chat(model: str, *, stream: bool = True, text: str = "hi", **fields: Any) -> dict[str, Any]:
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": text}], **fields}
