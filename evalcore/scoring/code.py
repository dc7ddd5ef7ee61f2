"""Code: finding the program in an answer, and building what is run from it.

HumanEval's program is that of Chen et al., "Evaluating Large Language Models Trained on Code", 2021 (arXiv 2107.03374;
openai/human-eval, execution.py): prompt, completion, tests, the call of check. Chat models repeat the function where
they should complete it; then their text stands in place of the prompt's, behind what the prompt says before the
function (imports, helpers). Without that a right answer scores 0 (lm-evaluation-harness #1992).
"""

from __future__ import annotations

import re

FENCE = re.compile(r"^[ \t]{0,8}(```+|~~~+)[ \t]*([\w+#.-]*)[^\n]*$", re.MULTILINE)
STARTS_CODE = re.compile(
    r"^(?:(?:async )?def \w|class \w+[:(]|import \w|from [\w.]+ import\b|@\w|[^\W\d]\w{0,60}(?:, ?\w{1,60}){0,9} ?=)",
    re.MULTILINE,
)
STOPS = re.compile(r"\n(?:class|def|#|if|print)")  # HumanEval's stop strings for a model that completes
OTHER_LANGUAGES = frozenset(
    {"bash", "sh", "shell", "console", "text", "txt", "output", "json", "yaml", "markdown", "md"}
)


def blocks(text: str) -> list[str]:
    """Fenced blocks in order, but those of another language; one that is never closed reaches to the end."""
    found, opened, opened_by, language = [], -1, "", ""
    for fence in FENCE.finditer(text):
        if opened < 0:
            opened, opened_by, language = fence.end() + 1, fence[1], fence[2].lower()
        elif fence[1].startswith(opened_by) and not fence[2]:
            found += [] if language in OTHER_LANGUAGES else [text[opened : fence.start()]]
            opened = -1
    if 0 <= opened <= len(text) and language not in OTHER_LANGUAGES:
        found.append(text[opened:])
    return found


def defines(code: str, name: str) -> bool:
    """A function of that name stands at the beginning of a line."""
    return re.search(rf"^(?:async[ \t]+)?def[ \t]+{re.escape(name)}\b", code, re.MULTILINE) is not None


def code_of(text: str, name: str | None) -> str | None:
    """The first block that defines `name`, else the first one; without a block, the text itself from where code begins.

    None for a blank answer. A text that only completes a function is left as it is, indentation included.
    """
    fenced = [block for block in blocks(text) if block.strip()]
    if fenced:
        return next((block for block in fenced if name is not None and defines(block, name)), fenced[0])
    if not text.strip():
        return None
    start = STARTS_CODE.search(text)
    return text[start.start() :] if start is not None and (name is None or defines(text, name)) else text


def humaneval_program(prompt: str, entry_point: str, test: str, code: str) -> str:
    """What is run for one answer: `check` raises unless every test holds."""
    if defines(code, entry_point):
        start = re.search(rf"^(?:async[ \t]+)?def[ \t]+{re.escape(entry_point)}\b", prompt, re.MULTILINE)
        solution = prompt[: start.start() if start is not None else 0] + code
    else:
        stop = STOPS.search(code)
        solution = prompt + (code if stop is None else code[: stop.start()])
    return f"{solution}\n{test}\ncheck({entry_point})"


def mbpp_program(code: str, tests: list[str], setup: str = "") -> str:
    """Austin et al., 2021 (arXiv 2108.07732; google-research/google-research, mbpp): the code, then the assertions."""
    return "\n".join([setup, code, *tests])
