"""Images: any workload of single prompts, with pictures behind each text, as data URLs.

Made-up pictures are noise that depends on seed, request and place alone, so that no two are alike and no cache of
images helps (`noise.py`); those from files go in turn.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from perfbench.engine.dialect.base import Prompt
from perfbench.engine.errors import ScenarioError
from perfbench.settings.pictures import SUFFIXES
from perfbench.workload.base import Item, Turns, Workload
from perfbench.workload.noise import Noise
from perfbench.workload.words import Numbers

Part = dict[str, Any]


def _data_url(media: str, encoded: str) -> str:
    return f"data:image/{media};base64,{encoded}"


PARTS: dict[str, tuple[Callable[[str], Part], Callable[[str, str], Part]]] = {
    "chat": (
        lambda text: {"type": "text", "text": text},
        lambda media, encoded: {"type": "image_url", "image_url": {"url": _data_url(media, encoded)}},
    ),
    "responses": (
        lambda text: {"type": "input_text", "text": text},
        lambda media, encoded: {"type": "input_image", "image_url": _data_url(media, encoded)},
    ),
    "messages": (
        lambda text: {"type": "text", "text": text},
        lambda media, encoded: {
            "type": "image", "source": {"type": "base64", "media_type": f"image/{media}", "data": encoded},
        },
    ),
}  # fmt: skip
"""How each API writes a text and an image (media type, base64) within a message."""


class Pictures(Protocol):
    reuse: str
    told: dict[str, Any]

    def picture(self, number: int) -> tuple[str, str]:
        """Media type and base64 of the picture of that number, counted over all requests."""


class MadeUp:
    def __init__(self, noise: Noise, seed: int) -> None:
        self._noise, self._number = noise, Numbers(seed, "pictures").number
        self.reuse = "no two images alike" if noise.unique else "images may repeat: so few pixels leave no room"
        size = f"{noise.width}x{noise.height}"
        self.told: dict[str, Any] = {"source": "made up", "size": size, "format": noise.media}

    def picture(self, number: int) -> tuple[str, str]:
        return self._noise.media, base64.b64encode(self._noise.image(self._number(number))).decode()


class FromFiles:
    """Read once, and kept as they are sent. Raises ScenarioError."""

    def __init__(self, files: Sequence[Path]) -> None:
        try:
            self._pictures = [
                (SUFFIXES[file.suffix.lower()], base64.b64encode(file.read_bytes()).decode()) for file in files
            ]
        except OSError as error:
            raise ScenarioError(f"image_files {error.filename} cannot be read: {error.strerror}") from None
        self.reuse = f"{len(files)} image files in turn, so a cache of images answers most of it"
        self.told: dict[str, Any] = {"source": "files", "files": len(files)}

    def picture(self, number: int) -> tuple[str, str]:
        return self._pictures[number % len(self._pictures)]


class WithImages(Workload):
    def __init__(self, workload: Workload, pictures: Pictures, count: int, api: str) -> None:
        self._workload, self._pictures, self._count = workload, pictures, count
        self._text_part, self._image_part = PARTS[api]
        self.expected_tokens, self.length, self.arrivals = (
            workload.expected_tokens, workload.length, workload.arrivals,
        )  # fmt: skip
        self.reuse = f"{workload.reuse}, {pictures.reuse}"

    def facts(self) -> Mapping[str, Any]:
        return {**self._workload.facts(), "images": {"per_request": self._count, **self._pictures.told}}

    def item(self, index: int) -> Item | Turns:
        """Without a wanted length of the prompt: what an image counts is the model's affair."""
        item = self._workload.item(index)
        assert isinstance(item, Item)  # sessions are refused by the scenario
        first = index * self._count
        images = [self._image_part(*self._pictures.picture(first + place)) for place in range(self._count)]
        return msgspec.structs.replace(item, prompt=self._seen(item.prompt, images), wanted_input_tokens=None)

    def _seen(self, prompt: Prompt, images: list[Part]) -> Prompt:
        if prompt.text is not None:
            return Prompt(messages=[{"role": "user", "content": [self._text_part(prompt.text), *images]}])
        assert prompt.messages  # bodies are refused when the workload is opened
        *before, last = prompt.messages
        content = last.get("content")
        parts = [self._text_part(content)] if isinstance(content, str) else list(content or ())
        return Prompt(messages=[*before, {**last, "content": [*parts, *images]}])
