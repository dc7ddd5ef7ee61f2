"""change_case: capitals and lower case; the language is checked too."""

from __future__ import annotations

from evalcore.scoring.ifeval.arguments import Arguments, relates
from evalcore.scoring.ifeval.language import is_language
from evalcore.scoring.ifeval.sentences import capital_words


def capital_word_frequency(response: str, arguments: Arguments) -> bool:
    return relates(capital_words(response), arguments, "capital_frequency", "capital_relation")


def english_capital(response: str, arguments: Arguments) -> bool:
    return response.isupper() and is_language(response, "en")


def english_lowercase(response: str, arguments: Arguments) -> bool:
    return response.islower() and is_language(response, "en")
