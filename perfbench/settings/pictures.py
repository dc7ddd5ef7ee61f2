"""Pictures: how sizes and sets of image files are written, and checked before anything is sent."""

from __future__ import annotations

import re
from pathlib import Path

SUFFIXES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp", ".gif": "gif"}
"""Of image files, and what their media types are called."""
LARGEST = 1 << 14


def size(text: str) -> tuple[int, int]:
    """Width and height in pixels. Raises ValueError."""
    found = re.fullmatch(r"(\d{1,6})\s*[xX×]\s*(\d{1,6})", text.strip())
    if found is None:
        raise ValueError(f"is {text!r}, not a size; write it like 512x512")
    width, height = int(found[1]), int(found[2])
    if not (1 <= width <= LARGEST and 1 <= height <= LARGEST):
        raise ValueError(f"is {text!r}; each side has 1 to {LARGEST} pixels")
    return width, height


def checked_size(text: str) -> str:
    width, height = size(text)
    return f"{width}x{height}"


def files(text: str) -> list[Path]:
    """The images that a file, a folder or a pattern names, sorted. Raises ValueError when there is none."""
    path = Path(text).expanduser().absolute()
    if path.is_dir():
        found = [file for file in path.iterdir() if file.suffix.lower() in SUFFIXES]
    elif path.is_file():
        found = [path]
    else:
        parts = path.parts
        wild = next((number for number, part in enumerate(parts) if re.search(r"[*?\[]", part)), None)
        found = [] if wild is None else list(Path(*parts[:wild]).glob(str(Path(*parts[wild:]))))
    strange = [file.name for file in found if file.suffix.lower() not in SUFFIXES]
    if strange:
        raise ValueError(
            f"names {strange[0]!r}, which is none of {', '.join(SUFFIXES)}; convert it, or narrow the pattern"
        )
    if not found:
        raise ValueError(f"names {text!r}, where there is no image ({', '.join(SUFFIXES)})")
    return sorted(found)


def checked_files(text: str) -> str:
    files(text)
    return str(Path(text).expanduser().absolute())
