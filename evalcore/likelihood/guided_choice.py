"""Guided choice: an answer that can be nothing but one of the letters, because the server masks all else.

What comes is the letter that the model would rather write than any other, and no likelihood: an argmax. Servers know
it by several names, and most ignore those that they do not know, so an endpoint has to show that it obeys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from evalcore.benchmarks.base import Comparison
from evalcore.likelihood.base import Reading, Unreadable
from perfbench.engine.request import Answer

Form = Literal["structured_outputs", "guided_choice", "grammar", "json_schema"]
FORMS: tuple[Form, ...] = ("structured_outputs", "guided_choice", "grammar", "json_schema")
"""vLLM's newer and older field, llama.cpp's grammar, and the response format of OpenAI."""
MOST_TOKENS = 32
"""A letter is one; the JSON object around it takes some more."""
_ANSWER = re.compile(r'"answer"\s*:\s*"([^"]*)"')


@dataclass(frozen=True, slots=True)
class GuidedChoice:
    api: Literal["completions", "chat"] = "chat"
    form: Form = "structured_outputs"
    name: ClassVar[str] = "guided_choice"
    letters_only: ClassVar[bool] = True

    def bodies(self, compared: Comparison) -> list[dict[str, Any]]:
        asked: dict[str, Any] = {"max_tokens": MOST_TOKENS, "temperature": 0, **mask(self.form, compared.letters)}
        if self.api == "chat":
            return [{"messages": list(compared.messages), **asked}]
        return [{"prompt": compared.pairs[0].context, **asked}]

    def read(self, compared: Comparison, answers: Sequence[Answer]) -> Reading:
        said = (answers[0].text or "").strip()
        if self.form == "json_schema":
            found = _ANSWER.search(said)
            said = found[1] if found else said
        if said not in compared.letters:
            raise Unreadable(f"the answer {said[:40]!r} is none of {', '.join(compared.letters)}")
        return Reading(text=said)

    def facts(self) -> Mapping[str, Any]:
        return {"chat": self.api == "chat", "guided_by": self.form}


def mask(form: Form, letters: Sequence[str]) -> dict[str, Any]:
    """The body field that leaves only these answers."""
    match form:
        case "structured_outputs":
            return {"structured_outputs": {"choice": list(letters)}}
        case "guided_choice":
            return {"guided_choice": list(letters)}
        case "grammar":
            return {"grammar": "root ::= " + " | ".join(f'"{letter}"' for letter in letters)}
        case "json_schema":
            schema = {
                "type": "object", "properties": {"answer": {"type": "string", "enum": list(letters)}},
                "required": ["answer"], "additionalProperties": False,
            }  # fmt: skip
            return {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "choice", "strict": True, "schema": schema},
                }
            }
