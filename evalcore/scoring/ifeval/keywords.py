"""keywords: words that have to be there, so often, or not at all. Case never matters."""

from __future__ import annotations

import re

from evalcore.scoring.ifeval.arguments import Arguments, Undecidable, relates, text, texts


def existence(response: str, arguments: Arguments) -> bool:
    """Every keyword is found. Keywords are regular expressions, as in the reference."""
    return all(_pattern(word).search(response) for word in texts(arguments, "keywords"))


def frequency(response: str, arguments: Arguments) -> bool:
    """Hits that do not overlap; inside of words too."""
    hits = sum(1 for _ in _pattern(text(arguments, "keyword").strip()).finditer(response))
    return relates(hits, arguments, "frequency")


def forbidden_words(response: str, arguments: Arguments) -> bool:
    """None is found as a whole word."""
    return not any(_pattern(word, r"\b{}\b").search(response) for word in texts(arguments, "forbidden_words"))


def letter_frequency(response: str, arguments: Arguments) -> bool:
    """A letter from a to z; for any other sign the reference draws a letter at random."""
    if not re.fullmatch("[a-z]", text(arguments, "letter").strip().lower()):
        raise Undecidable("letter")
    return sign_frequency(response, arguments)


def sign_frequency(response: str, arguments: Arguments) -> bool:
    """The same for any sign, such as the # of a hashtag: what the prompts mean."""
    sign = text(arguments, "letter").strip().lower()
    return relates(response.lower().count(sign), arguments, "let_frequency", "let_relation")


def _pattern(word: str, around: str = "{}") -> re.Pattern[str]:
    try:
        return re.compile(around.replace("{}", word), re.IGNORECASE)
    except re.error:  # such as "c++": the reference stops the run here
        return re.compile(around.replace("{}", re.escape(word)), re.IGNORECASE)
