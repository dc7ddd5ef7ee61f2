"""Content coding: gzip and deflate bodies, taken apart as they come."""

from __future__ import annotations

import zlib

from perfbench.engine.errors import BadHttp

_GZIP, _RAW, _ZLIB = 31, -15, 15  # window bits, in zlib's own language


class Inflate:
    """A streaming decoder. `eof` says whether what came so far is whole; nothing at all is whole too."""

    __slots__ = ("_begun", "_gzip", "_head", "_part")

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._part = zlib.decompressobj(_GZIP) if gzip else None
        self._head = b""
        self._begun = False

    @property
    def eof(self) -> bool:
        return not self._begun or (self._part is not None and self._part.eof)

    def decompress(self, data: bytes) -> bytes:
        """What these bytes bring. Raises `bad_encoding`."""
        self._begun = self._begun or bool(data)
        if self._part is None:
            # "deflate" means zlib, but some servers send it without the two bytes that say so.
            data = self._head = self._head + data
            if len(data) < 2:
                return b""
            zlib_head = data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
            self._part = zlib.decompressobj(_ZLIB if zlib_head else _RAW)
        try:
            out = self._part.decompress(data)
            while self._part.eof and self._part.unused_data:
                if not self._gzip:
                    raise BadHttp("bad_encoding", "bytes after the end of the compressed body")
                data = self._part.unused_data  # gzip may come in several members
                self._part = zlib.decompressobj(_GZIP)
                out += self._part.decompress(data)
        except zlib.error as error:
            raise BadHttp("bad_encoding", str(error)) from None
        return out


def inflater(content_encoding: bytes) -> Inflate | None:
    """The decoder for a Content-Encoding; None for identity."""
    name = content_encoding.strip().lower()
    if name in (b"gzip", b"x-gzip"):
        return Inflate(gzip=True)
    if name == b"deflate":
        return Inflate(gzip=False)
    if name in (b"", b"identity"):
        return None
    raise BadHttp("bad_encoding", f"content-encoding {content_encoding.decode('latin-1')!r} is not one we asked for")
