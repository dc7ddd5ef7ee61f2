"""Noise: made-up pictures, PNG or JPEG, cheap enough to make one for every request.

A picture is a column of bands, 8 pixels high, of squares in random colours: flat squares, so that it is packed to about
what a photograph of its size is. 256 bands are made and packed beforehand, each so that it can stand anywhere, and
the bytes of a 64-bit number say which of them stand where: the first eight one to one, so pictures of 64 pixels and
higher all differ. Both formats allow that: deflate can be cut at byte borders, its checksum can be computed from those
of the parts (M. Adler, zlib: adler32_combine), and a JPEG may have restart markers, at which its decoder begins anew.
A picture costs tens of microseconds, and no imaging library.
"""

from __future__ import annotations

import random
import struct
import zlib
from typing import Protocol

SQUARE = 8
"""Pixels of a side of a square: a block of JPEG."""
BANDS = 256
_SPELT = 8
_ADLER = 65521


class Noise(Protocol):
    width: int
    height: int
    media: str
    unique: bool
    """Whether two numbers never give one picture."""

    def image(self, number: int) -> bytes:
        """The file of the picture of a 64-bit number."""


def open_noise(media: str, width: int, height: int, seed: int) -> Noise:
    return (JpegNoise if media == "jpeg" else PngNoise)(width, height, seed)


def _chosen(number: int, rows: int) -> bytes:
    """Which band stands in each row of bands."""
    chosen = number.to_bytes(8)
    return chosen[:rows] if rows <= _SPELT else chosen + random.Random(number).randbytes(rows - _SPELT)


class PngNoise:
    media = "png"

    def __init__(self, width: int, height: int, seed: int) -> None:
        self.width, self.height = width, height
        self._rows, rest = divmod(height, SQUARE)
        rng = random.Random(f"noise {seed}")
        self._bands = [_packed(rng, width, SQUARE) for _ in range(BANDS)]
        self._last = _packed(rng, width, rest) if rest else None
        self.unique = self._rows >= _SPELT
        self._head = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))

    def image(self, number: int) -> bytes:
        bands = [self._bands[band] for band in _chosen(number, self._rows)]
        if self._last is not None:
            bands.append(self._last)
        low, high = 1, 0
        for _, band_low, band_high, length in bands:
            # The checksum of two parts from those of each; see the note on `adler32_combine` above.
            high = (high + band_high + length * (low - 1)) % _ADLER
            low = (low + band_low - 1) % _ADLER
        packed = b"".join([b"\x78\x01", *(band[0] for band in bands), b"\x03\x00", struct.pack(">HH", high, low)])
        return b"".join([self._head, _chunk(b"IDAT", packed), _chunk(b"IEND", b"")])


def _packed(rng: random.Random, width: int, height: int) -> tuple[bytes, int, int, int]:
    """A band as deflate that stands by itself, both halves of its checksum, and its length unpacked."""
    squares = -(-width // SQUARE)
    colours = rng.randbytes(3 * squares)
    row = b"".join(colours[at : at + 3] * SQUARE for at in range(0, 3 * squares, 3))[: 3 * width]
    raw = b"\x00" + row + (b"\x02" + bytes(3 * width)) * (height - 1)  # filter 2: as the row above
    pack = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = pack.compress(raw) + pack.flush(zlib.Z_FULL_FLUSH)
    checksum = zlib.adler32(raw)
    return packed, checksum & 0xFFFF, checksum >> 16, len(raw)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))


class JpegNoise:
    """Grey. Of each block only the mean is there, so a block is a flat square (ITU-T T.81: baseline, Huffman)."""

    media = "jpeg"

    def __init__(self, width: int, height: int, seed: int) -> None:
        self.width, self.height = width, height
        self._rows, across = -(-height // SQUARE), -(-width // SQUARE)
        rng = random.Random(f"noise {seed}")
        self._bands = [_entropy_coded(rng, across) for _ in range(BANDS)]
        self.unique = self._rows >= _SPELT
        self._head = b"".join([
            b"\xff\xd8",
            _segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"),
            _segment(0xDB, b"\x00" + b"\x08" * 64),  # the mean of a block comes in steps of 8, which is one grey
            _segment(0xC0, struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0)),
            _segment(0xC4, b"\x00" + bytes(_DC_LENGTHS) + bytes(range(12))),
            _segment(0xC4, b"\x10" + bytes([1, *[0] * 15]) + b"\x00"),  # of the rest one symbol: there is none
            _segment(0xDD, struct.pack(">H", across)),
            _segment(0xDA, b"\x01\x01\x00\x00\x3f\x00"),
        ])  # fmt: skip

    def image(self, number: int) -> bytes:
        pieces = [self._head]
        for place, band in enumerate(_chosen(number, self._rows)):
            if place:
                pieces.append(_RESTARTS[(place - 1) % 8])
            pieces.append(self._bands[band])
        return b"".join([*pieces, b"\xff\xd9"])


_DC_LENGTHS = (0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0)
"""How many of the codes for the 12 sizes of a difference have 1, 2, ... bits: the usual table (T.81, K.3)."""
_RESTARTS = tuple(bytes((0xFF, 0xD0 + number)) for number in range(8))
_END_OF_BLOCK = "0"


def _dc_codes() -> list[str]:
    codes, code = [], 0
    for bits, count in enumerate(_DC_LENGTHS, 1):
        for _ in range(count):
            codes.append(f"{code:0{bits}b}")
            code += 1
        code <<= 1
    return codes


_DC_CODES = _dc_codes()


def _entropy_coded(rng: random.Random, blocks: int) -> bytes:
    """A row of blocks in random greys, as it stands between two restart markers."""
    bits, before = [], 0
    for grey in rng.randbytes(blocks):
        value = grey - 128
        difference, before = value - before, value
        size = abs(difference).bit_length()
        bits.append(_DC_CODES[size])
        if size:
            bits.append(f"{difference if difference > 0 else difference + (1 << size) - 1:0{size}b}")
        bits.append(_END_OF_BLOCK)
    joined = "".join(bits)
    joined += "1" * (-len(joined) % 8)
    return int(joined, 2).to_bytes(len(joined) // 8).replace(b"\xff", b"\xff\x00")


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content
