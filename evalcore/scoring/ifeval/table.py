"""The 25 instructions, by the ids that the data set uses, and what following one or all of them means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from evalcore.scoring.ifeval import (
    case,
    combination,
    content,
    format,
    keywords,
    language,
    length,
    punctuation,
    startend,
)
from evalcore.scoring.ifeval.arguments import Arguments, Undecidable

Check: TypeAlias = Callable[[str, Arguments], bool]

INSTRUCTIONS: Mapping[str, Check] = {
    "change_case:capital_word_frequency": case.capital_word_frequency,
    "change_case:english_capital": case.english_capital,
    "change_case:english_lowercase": case.english_lowercase,
    "combination:repeat_prompt": combination.repeat_prompt,
    "combination:two_responses": combination.two_responses,
    "detectable_content:number_placeholders": content.number_placeholders,
    "detectable_content:postscript": content.postscript,
    "detectable_format:constrained_response": format.constrained_response,
    "detectable_format:json_format": format.json_format,
    "detectable_format:multiple_sections": format.multiple_sections,
    "detectable_format:number_bullet_lists": format.number_bullet_lists,
    "detectable_format:number_highlighted_sections": format.number_highlighted_sections,
    "detectable_format:title": format.title,
    "keywords:existence": keywords.existence,
    "keywords:forbidden_words": keywords.forbidden_words,
    "keywords:frequency": keywords.frequency,
    "keywords:letter_frequency": keywords.letter_frequency,
    "language:response_language": language.response_language,
    "length_constraints:nth_paragraph_first_word": length.nth_paragraph_first_word,
    "length_constraints:number_paragraphs": length.number_paragraphs,
    "length_constraints:number_sentences": length.number_sentences,
    "length_constraints:number_words": length.number_words,
    "punctuation:no_comma": punctuation.no_comma,
    "startend:end_checker": startend.end_checker,
    "startend:quotation": startend.quotation,
}
FIXED: Mapping[str, Check] = {**INSTRUCTIONS, "keywords:letter_frequency": keywords.sign_frequency}
"""The same with the reference's defects repaired."""


def strict(
    instruction: str, arguments: Arguments, response: str, table: Mapping[str, Check] = INSTRUCTIONS
) -> bool | None:
    """Whether the response as it stands follows the instruction; None when that cannot be decided by anyone."""
    return _any([response], table[instruction], arguments)


def loose(
    instruction: str, arguments: Arguments, response: str, table: Mapping[str, Check] = INSTRUCTIONS
) -> bool | None:
    """The same for the response, or any of its seven variants: without first line, last line or both, without stars."""
    return _any(variants(response), table[instruction], arguments)


def variants(response: str) -> Iterator[str]:
    """The eight texts that the loose reading tries."""
    lines = response.split("\n")
    shorter = ["\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1])]
    for text in (response, *shorter):
        yield text
        yield text.replace("*", "")


def _any(texts: Iterable[str], check: Check, arguments: Arguments) -> bool | None:
    """A blank text follows nothing."""
    try:
        return any(check(text, arguments) for text in texts if text.strip())
    except Undecidable:
        return None
