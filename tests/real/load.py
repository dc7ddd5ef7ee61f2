"""What is sent in these tests: prompts that no cache knows, replies of one known length."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

MAX_TOKENS = 64
EXACT: dict[str, Any] = {"ignore_eos": True, "cache_prompt": False}
"""llama-server's words for: go on to max_tokens whatever the model says, and read every prompt anew."""
WORDS = ("good", "way", "spell", "boy", "large", "follow", "find", "thing", "want", "house", "form", "most", "word")
PROMPT_WORDS = 60


def write_prompts(file: Path, count: int) -> list[str]:
    """A .jsonl that perfbench and vllm-rs both read; each prompt differs from all others in its first word."""
    draw = random.Random(1)
    prompts = [f"{number} {' '.join(draw.choices(WORDS, k=PROMPT_WORDS))}" for number in range(count)]
    file.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts))
    return prompts


def flags(**given: Any) -> list[str]:
    """`parallel=4` as --parallel 4; a mapping becomes JSON, True a flag alone, False its --no- form."""
    words: list[str] = []
    for name, value in given.items():
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        else:
            words += [flag, json.dumps(value) if isinstance(value, dict) else str(value)]
    return words
