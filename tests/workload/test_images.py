"""Images: files that decoders take, no two alike, in the words of each API."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from perfbench.engine.errors import ScenarioError
from perfbench.scenario import Scenario
from perfbench.workload import described, open_workload
from perfbench.workload.base import Workload
from perfbench.workload.noise import _DC_CODES, SQUARE, open_noise

SIZES = [(64, 64), (100, 75), (5, 3), (8, 8), (129, 200)]


def opened(**keys: Any) -> Workload:
    return open_workload(Scenario.from_mapping({"url": "http://127.0.0.1:8000/v1", "seed": 2, **keys}, environment={}))


def png_rows(file: bytes) -> tuple[int, int, list[bytes]]:
    """Width, height, and the rows of an RGB image; every checksum is looked at."""
    assert file[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(file):
        (size,) = struct.unpack_from(">I", file, at)
        kind, content = file[at + 4 : at + 8], file[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", file, at + 8 + size)[0] == zlib.crc32(kind + content)
        chunks[kind] = content
        at += 12 + size
    width, height, depth, colours, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, colours, rest, chunks[b"IEND"]) == (8, 2, [0, 0, 0], b"")
    raw, rows = zlib.decompress(chunks[b"IDAT"]), []  # raises where the checksum is not that of the whole
    assert len(raw) == height * (3 * width + 1)
    for number in range(height):
        line = raw[number * (3 * width + 1) : (number + 1) * (3 * width + 1)]
        row = line[1:] if line[0] == 0 else bytes((a + b) % 256 for a, b in zip(line[1:], rows[-1], strict=True))
        assert line[0] in (0, 2)
        rows.append(row)
    return width, height, rows


def jpeg_greys(file: bytes) -> tuple[int, int, list[list[int]]]:
    """Width, height, and the mean grey of each block of a baseline JPEG that has nothing but means."""
    assert file[:2] == b"\xff\xd8" and file[-2:] == b"\xff\xd9"
    at, width, height, across = 2, 0, 0, 0
    while file[at + 1] != 0xDA:
        marker, size = file[at + 1], struct.unpack_from(">H", file, at + 2)[0]
        if marker == 0xC0:
            height, width = struct.unpack_from(">HH", file, at + 5)
        if marker == 0xDD:
            across = struct.unpack_from(">H", file, at + 4)[0]
        at += 2 + size
    at += 2 + struct.unpack_from(">H", file, at + 2)[0]
    rows, pieces, begin = [], [], at
    for place in range(at, len(file) - 1):
        if file[place] == 0xFF and file[place + 1] != 0:
            pieces.append(file[begin:place])
            assert file[place + 1] in (0xD0 + (len(pieces) - 1) % 8, 0xD9)
            begin = place + 2
    for piece in pieces:
        bits = iter("".join(f"{byte:08b}" for byte in piece.replace(b"\xff\x00", b"\xff")))
        row, before = [], 0
        for _ in range(across):
            before += _difference(bits)
            row.append(before + 128)
            assert next(bits) == "0"  # the end of the block
        assert set(bits) <= {"1"}
        rows.append(row)
    return width, height, rows


def _difference(bits: Iterator[str]) -> int:
    code = ""
    while code not in _DC_CODES:
        code += next(bits)
    size = _DC_CODES.index(code)
    value = int("0" + "".join(next(bits) for _ in range(size)), 2)
    return value if not size or value >> (size - 1) else value - (1 << size) + 1


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_png_is_whole_and_of_its_size(width, height):
    found_width, found_height, rows = png_rows(open_noise("png", width, height, 1).image(1 << 60))
    assert (found_width, found_height) == (width, height)
    for top in range(0, height, SQUARE):
        row, *others = set(rows[top : top + SQUARE])
        assert not others
        squares = [row[at : at + 3 * SQUARE] for at in range(0, 3 * width, 3 * SQUARE)]
        assert all(square == (square[:3] * SQUARE)[: len(square)] for square in squares)  # each of one colour
        assert len(set(squares)) == len(squares)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_jpeg_is_whole_and_of_its_size(width, height):
    found_width, found_height, greys = jpeg_greys(open_noise("jpeg", width, height, 1).image(1 << 60))
    assert (found_width, found_height) == (width, height)
    assert [len(row) for row in greys] == [-(-width // SQUARE)] * -(-height // SQUARE)
    assert all(0 <= grey <= 255 for row in greys for grey in row)


@pytest.mark.parametrize("media", ["png", "jpeg"])
def test_no_two_images_are_alike_and_each_can_be_made_again(media):
    noise = open_noise(media, 64, 64, 1)
    assert noise.unique
    assert len({noise.image(number) for number in (*range(500), *(n << 56 for n in range(1, 200)))}) == 699
    assert noise.image(77) == open_noise(media, 64, 64, 1).image(77)
    assert noise.image(77) != open_noise(media, 64, 64, 2).image(77)


def test_they_stand_behind_the_text_in_the_words_of_the_api():
    content = opened(images=2, image_size="64x64").item(3).prompt.messages[0]["content"]
    assert [part["type"] for part in content] == ["text", "image_url", "image_url"]
    urls = [part["image_url"]["url"] for part in content[1:]]
    assert urls[0] != urls[1]
    assert png_rows(base64.b64decode(urls[0].removeprefix("data:image/png;base64,")))[:2] == (64, 64)
    responses = opened(images=1, api="responses", image_format="jpeg", image_size="64x64").item(0)
    part = responses.prompt.messages[0]["content"][1]
    assert part["type"] == "input_image"
    assert part["image_url"].startswith("data:image/jpeg;base64,/9j/")
    source = opened(images=1, api="messages", image_size="64x64").item(0).prompt.messages[0]["content"][1]["source"]
    assert (source["type"], source["media_type"]) == ("base64", "image/png")


def test_no_image_of_a_run_comes_twice_and_what_was_made_is_stated():
    workload = opened(images=3, image_size="64x64")
    parts = [part for index in range(50) for part in workload.item(index).prompt.messages[0]["content"][1:]]
    assert len({part["image_url"]["url"] for part in parts}) == 150
    assert described("synthetic", workload)["images"] == {
        "per_request": 3, "source": "made up", "size": "64x64", "format": "png",
    }  # fmt: skip
    assert workload.reuse.endswith("no two images alike")
    assert opened(images=1, image_size="60x60").reuse.endswith("images may repeat: so few pixels leave no room")


def test_files_go_in_turn(tmp_path):
    for name, content in (("b.jpg", b"B"), ("a.png", b"A"), ("notes.txt", b"-")):
        (tmp_path / name).write_bytes(content)
    workload = opened(image_files=str(tmp_path), images=2, prompt="what is it?")
    urls = [part["image_url"]["url"] for part in workload.item(0).prompt.messages[0]["content"][1:]]
    assert urls == ["data:image/png;base64,QQ==", "data:image/jpeg;base64,Qg=="]
    assert workload.item(1) == workload.item(0)
    assert opened(image_files=str(tmp_path / "*.jpg")).facts()["images"]["files"] == 1


def test_a_scenario_names_files_beside_itself(tmp_path):
    (tmp_path / "shot.png").write_bytes(b"A")
    file = tmp_path / "see.yaml"
    file.write_text("url: simulator\nimage_files: shot.png\n")
    assert Scenario.from_yaml(file, environment={}).image_files == str(tmp_path / "shot.png")


def test_messages_of_a_file_keep_their_parts_and_get_more(tmp_path):
    file: Path = tmp_path / "p.jsonl"
    seen = '{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}]}'
    file.write_text(f'{seen}\n{{"messages": [{{"role": "user", "content": "look"}}]}}\n')
    plain = opened(prompts_file=str(file)).item(0).prompt.messages
    assert plain[0]["content"] == [{"type": "image_url", "image_url": {"url": "u"}}]
    workload = opened(prompts_file=str(file), images=1, image_size="64x64")
    assert [part["type"] for part in workload.item(0).prompt.messages[0]["content"]] == ["image_url", "image_url"]
    assert [part["type"] for part in workload.item(1).prompt.messages[0]["content"]] == ["text", "image_url"]


def test_whole_bodies_are_not_changed(tmp_path):
    (tmp_path / "p.jsonl").write_text('{"prompt": "a"}\n{"body": {"messages": []}}\n')
    for key in ("images", "output_tokens"):
        with pytest.raises(ScenarioError, match=f"{key} changes requests, but .* has whole bodies"):
            opened(prompts_file=str(tmp_path / "p.jsonl"), **{key: 2})


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"images": 1, "api": "completions"}, "needs an API that takes images"),
        ({"images": 0}, "should be greater than or equal to 1"),
        ({"images": 1, "image_size": "big"}, "is 'big', not a size; write it like 512x512"),
        ({"images": 1, "image_size": "0x5"}, "each side has 1 to"),
        ({"image_size": "64x64"}, "give images too"),
        ({"image_files": "nowhere/*.png"}, "where there is no image"),
        ({"image_files": __file__}, "which is none of .png"),
    ],
)
def test_what_cannot_be_sent_is_refused(keys, says):
    with pytest.raises(ScenarioError) as error:
        opened(**keys)
    assert says in str(error.value)
