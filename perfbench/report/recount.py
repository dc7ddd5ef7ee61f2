"""Recount: output tokens of some replies by the scenario's tokenizer, beside what the server said they were."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from perfbench.metrics.columns import IntArray


def recounted(texts: Sequence[tuple[str, int]], tokenizer: Any) -> tuple[IntArray, IntArray] | None:
    """Tokens by the server and by the tokenizer: shapes (texts,). None without texts, or where the file or the package
    that reads it is not at hand any more: the folder may have come from another machine."""
    if not texts or not isinstance(tokenizer, str) or not Path(tokenizer).is_file():
        return None
    try:
        from tokenizers import Tokenizer
    except ImportError:
        return None
    counter = Tokenizer.from_file(tokenizer)
    counter.no_truncation()
    counter.no_padding()
    own = [len(counter.encode(text, add_special_tokens=False).ids) for text, _ in texts]
    return np.array([tokens for _, tokens in texts], np.int64), np.array(own, np.int64)
