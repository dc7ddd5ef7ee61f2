"""Images: keys of pictures that go with each prompt: made up, or from files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator

from perfbench import fieldtypes as t
from perfbench.fieldtypes import key
from perfbench.scenario.section import PROMPTS, Rule, Section
from perfbench.settings import pictures

if TYPE_CHECKING:
    from perfbench.scenario.scenario import Scenario

SEEING = ("chat", "responses", "messages")
"""APIs that take images beside a text."""
NOT_WITH = ("conversations", "mix")


class Images(Section):
    images: t.Count | None = key(None, PROMPTS, "Images per request.", shown="1 with image_files, else none")
    image_size: Annotated[str, AfterValidator(pictures.checked_size)] | None = key(
        None, PROMPTS, "Width and height in pixels of the images that are made up.", shown="512x512", metavar="WxH"
    )
    image_format: Literal["png", "jpeg"] | None = key(None, PROMPTS, "What made-up images are", shown="png")
    image_files: Annotated[str, AfterValidator(pictures.checked_files)] | None = key(
        None, PROMPTS, "Images from files instead: a file, a folder, or a pattern like 'photos/*.jpg'; in turn.",
        metavar="PATH",
    )  # fmt: skip


def conflicts(scenario: Scenario) -> list[Rule]:
    s, api, name = scenario, scenario.spoken_api, scenario.workload_name
    asked = [key for key in ("images", "image_files") if getattr(s, key) is not None]
    return [
        *((api not in SEEING, key, f"needs an API that takes images ({', '.join(SEEING)}), but api is {api}; change it")
          for key in asked),
        *((name in NOT_WITH, key, f"goes with single prompts, but workload is {name}; take it out"
           + (", and give it to a part" if name == "mix" else "")) for key in asked),
        *((not asked and getattr(s, key) is not None, key, "is of images that are made up; give images too")
          for key in ("image_size", "image_format")),
        *((s.image_files is not None and getattr(s, key) is not None, key,
           "is of images that are made up, but image_files is given; keep one")
          for key in ("image_size", "image_format")),
    ]  # fmt: skip
