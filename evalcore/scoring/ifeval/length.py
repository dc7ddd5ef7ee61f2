"""length_constraints: numbers of sentences, paragraphs and words."""

from __future__ import annotations

import re

from evalcore.scoring.ifeval.arguments import Arguments, number, relates, text
from evalcore.scoring.ifeval.sentences import sentences

STARS = re.compile(r"\s?\*\*\*\s?")
WORD = re.compile(r"\w+")
FIRST_WORD_ENDS = re.compile(r"[.,?!'\"]")


def number_sentences(response: str, arguments: Arguments) -> bool:
    return relates(len(sentences(response)), arguments, "num_sentences")


def number_words(response: str, arguments: Arguments) -> bool:
    return relates(sum(1 for _ in WORD.finditer(response)), arguments, "num_words")


def number_paragraphs(response: str, arguments: Arguments) -> bool:
    """Paragraphs between lines of three stars: exactly so many. A blank one may stand first or last only."""
    paragraphs = STARS.split(response)
    if any(not paragraph.strip() for paragraph in paragraphs[1:-1]):
        return False
    ends = paragraphs[:1] if len(paragraphs) == 1 else [paragraphs[0], paragraphs[-1]]
    blank = sum(1 for end in ends if not end.strip())
    return len(paragraphs) - blank == number(arguments, "num_paragraphs")


def nth_paragraph_first_word(response: str, arguments: Arguments) -> bool:
    """Paragraphs between blank lines. Blank ones are not counted, but keep their place when the nth is looked up."""
    nth, wanted = number(arguments, "nth_paragraph"), text(arguments, "first_word").lower()
    paragraphs = response.split("\n\n")
    count = sum(1 for paragraph in paragraphs if paragraph.strip())
    if not 1 <= nth <= count:
        return False
    words = paragraphs[nth - 1].split(maxsplit=1)
    if not words:
        return False
    word = words[0].lstrip("'").lstrip('"')
    return count == number(arguments, "num_paragraphs") and FIRST_WORD_ENDS.split(word, maxsplit=1)[0].lower() == wanted
