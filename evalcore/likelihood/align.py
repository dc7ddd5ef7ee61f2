"""Align: which token stands where in a text.

Servers say where tokens stand in several ways, and not always rightly: offsets that count a token that is not in the
text (vLLM's, with a token before the prompt), words without their blank (sentencepiece), parts of a character as
nothing, as U+FFFD or as "bytes:\\xe4". So the texts of the tokens are laid along the text itself. What cannot be laid
is an error, not a guess.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MOST_CHARACTERS = 4
"""That one token of unknown text may stand for, beyond which a known token is not looked for."""
_PARTIAL = re.compile(r"|.*\ufffd.*|bytes:.*|<0x[0-9A-Fa-f]{2}>", re.DOTALL)
_RAW = str.maketrans({"Ġ": " ", "Ċ": "\n", "▁": " "})  # how vocabularies write blanks; older servers show them so


class Misaligned(Exception):
    """These tokens are not those of this text."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each token begins, in characters. Tokens beyond the end of what was asked for are left out."""

    starts: tuple[int, ...]
    vague: tuple[tuple[int, int], ...] = ()
    """Stretches whose tokens are parts of characters, and cannot be told apart: (start, end)."""


def lay(tokens: Sequence[str], text: str, until: int) -> Layout:
    """The place of each token, as far as `until` characters of the text. Raises Misaligned."""
    try:
        return _lay(tokens, text, until)
    except Misaligned:
        raw = [token.translate(_RAW) for token in tokens]
        if raw == list(tokens):
            raise
        return _lay(raw, text, until)


def tokens_after(layout: Layout, boundary: int) -> tuple[int, bool]:
    """The first token that holds something at or after `boundary`, and whether it began before it.

    Raises Misaligned when it cannot be told.
    """
    if any(start < boundary < end for start, end in layout.vague):
        raise Misaligned("the boundary lies within characters that are split into several tokens")
    first = next((at for at, start in enumerate(layout.starts) if start >= boundary), len(layout.starts))
    if first == len(layout.starts) or layout.starts[first] > boundary:
        first -= 1
    if first < 0:
        raise Misaligned("there are no tokens")
    return first, layout.starts[first] < boundary


def _lay(tokens: Sequence[str], text: str, until: int) -> Layout:
    starts: list[int] = []
    vague: list[tuple[int, int]] = []
    at = unknown = 0  # characters laid; tokens of unknown text since
    for number, token in enumerate(tokens):
        if at >= until and not unknown:
            break
        if _PARTIAL.fullmatch(token):
            unknown += 1
            starts.append(at)
            continue
        begin = _find(token, text, at, unknown)
        if begin is None:
            if number == 0:  # stands before the prompt and is none of it (BOS)
                starts.append(0)
                continue
            raise Misaligned(f"token {number}, {token!r}, does not stand at {text[at : at + 20]!r}")
        if unknown:
            vague += _spread(starts, unknown, text, at, begin)
        starts.append(at if not unknown else begin)
        at, unknown = begin + len(token.lstrip(" ") if _is_bare(token, text, begin) else token), 0
    if unknown:
        vague += _spread(starts, unknown, text, at, until)
        at = until
    if at < until:
        raise Misaligned(f"the tokens end before {text[at : at + 20]!r}")
    return Layout(tuple(starts), tuple(vague))


def _find(token: str, text: str, at: int, unknown: int) -> int | None:
    """Where the token's text begins, from `at` on; as far on as `unknown` tokens before it may reach."""
    if not unknown or at == 0:
        if text.startswith(token, at):
            return at
        if at == 0 and token.startswith(" ") and text.startswith(token[1:]):  # a blank that the tokenizer put there
            return at
        if text.startswith(" " + token, at):  # a blank that the server left out
            return at + 1
    for begin in range(at + 1, min(at + MOST_CHARACTERS * unknown, len(text)) + 1):
        if text.startswith(token, begin) and len(text[at:begin].encode("utf-8", "surrogatepass")) >= unknown:
            return begin
    return None


def _is_bare(token: str, text: str, begin: int) -> bool:
    return begin == 0 and not text.startswith(token)


def _spread(starts: list[int], unknown: int, text: str, at: int, end: int) -> list[tuple[int, int]]:
    """Give the last `unknown` tokens their places in text[at:end]; the stretch is vague when they have none."""
    places = [at + k for k, character in enumerate(text[at:end]) for _ in character.encode("utf-8", "surrogatepass")]
    if len(places) != unknown:
        places = list(range(at, end))
    if len(places) != unknown:
        return [(at, end)] if unknown > 1 else []
    starts[-unknown:] = places
    return []
