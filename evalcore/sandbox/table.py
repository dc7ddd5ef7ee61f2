"""The table of sandboxes. A new one is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable

from evalcore.sandbox.base import Sandbox
from evalcore.sandbox.bubblewrap import Bubblewrap
from evalcore.sandbox.docker import IMAGE, Docker

SANDBOXES: dict[str, Callable[[str | None], Sandbox]] = {
    "bubblewrap": lambda image: Bubblewrap(),
    "docker": lambda image: Docker(image or IMAGE),
}
"""By the name that a task calls them; each is made of the task's sandbox_image."""
