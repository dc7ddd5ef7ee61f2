"""The 25 instructions of IFEval: one rule a row."""

import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalcore.scoring.ifeval.table import FIXED, INSTRUCTIONS, loose, strict, variants

pytest.importorskip("langdetect")
pytest.importorskip("nltk")

LEAST, LESS = {"relation": "at least"}, {"relation": "less than"}
PARAGRAPH = "length_constraints:nth_paragraph_first_word"
RULES = [
    ("keywords:existence", {"keywords": ["Foo", "bar"]}, "a FOO and a Bars", True),
    ("keywords:existence", {"keywords": ["foo", "bar"]}, "only foo", False),
    ("keywords:existence", {"keywords": ["c++"]}, "I like C++", True),
    ("keywords:frequency", {"keyword": "aa", "frequency": 2, **LEAST}, "aaaa", True),
    ("keywords:frequency", {"keyword": "aa", "frequency": 2, **LESS}, "Aa", True),
    ("keywords:forbidden_words", {"forbidden_words": ["car"]}, "a cartoon", True),
    ("keywords:forbidden_words", {"forbidden_words": ["car"]}, "my CAR.", False),
    ("keywords:letter_frequency", {"letter": "E", "let_frequency": 2, "let_relation": "at least"}, "eE", True),
    ("keywords:letter_frequency", {"letter": "#", "let_frequency": 2, "let_relation": "at least"}, "##", None),
    ("language:response_language", {"language": "de"}, "Das ist ein ganz gewöhnlicher deutscher Satz.", True),
    ("language:response_language", {"language": "de"}, "This is quite an ordinary English sentence.", False),
    ("language:response_language", {"language": "de"}, "12345 !!!", True),
    ("length_constraints:number_sentences", {"num_sentences": 2, **LEAST}, "Mr. Smith is here. He waits.", True),
    ("length_constraints:number_sentences", {"num_sentences": 2, **LESS}, "Dr. Brown saw it at 5 p.m. today", True),
    ("length_constraints:number_words", {"num_words": 3, **LESS}, "it's", True),
    ("length_constraints:number_words", {"num_words": 3, **LEAST}, "it's me", True),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "a\n***\nb", True),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "***\na\n***\nb\n***", True),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "a\n***\n\n***\nb", False),
    (PARAGRAPH, {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Hi"}, "a b\n\n'hi, you", True),
    (PARAGRAPH, {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "hi"}, "a b\n\n\n\nhi", False),
    (PARAGRAPH, {"num_paragraphs": 1, "nth_paragraph": 2, "first_word": "hi"}, "a b", False),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[a] and [b]", True),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, "[a [b]", False),
    ("detectable_content:number_placeholders", {"num_placeholders": 1}, "[a\nb]", False),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, "Bye\np. s. more", True),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "P.S. more", False),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* a\n  - b\n**c**", True),
    ("detectable_format:number_bullet_lists", {"num_bullets": 1}, "* a\n* b", False),
    ("detectable_format:constrained_response", {}, "Well: My answer is no. So", True),
    ("detectable_format:constrained_response", {}, "my answer is no.", False),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}, "*a* and **b**", True),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 1}, "* *", False),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Section", "num_sections": 2},
        "Section 1\nSection2",
        True,
    ),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Section", "num_sections": 2},
        "section 1 section 2",
        False,
    ),
    ("detectable_format:json_format", {}, '```json\n{"a": 1}\n```', True),
    ("detectable_format:json_format", {}, 'Here: {"a": 1}', False),
    ("detectable_format:json_format", {}, "[" * 100_000, False),
    ("detectable_format:title", {}, "so <<Title>> it", True),
    ("detectable_format:title", {}, "<< >> <<\n>>", False),
    ("combination:two_responses", {}, "a******b", True),
    ("combination:two_responses", {}, "******a****** b******", True),
    ("combination:two_responses", {}, "a******a", False),
    ("combination:two_responses", {}, "a************b", False),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Say it "}, " say it again", True),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Say it"}, "I say it", False),
    ("startend:end_checker", {"end_phrase": "The end."}, 'It is "the end." ', True),
    ("startend:end_checker", {"end_phrase": "The end."}, "the end. Or", False),
    ("startend:quotation", {}, ' "all" ', True),
    ("startend:quotation", {}, '"', False),
    ("change_case:capital_word_frequency", {"capital_frequency": 2, "capital_relation": "at least"}, "DON'T", True),
    ("change_case:capital_word_frequency", {"capital_frequency": 2, "capital_relation": "less than"}, "A USA.", False),
    ("change_case:english_capital", {}, "THE WEATHER IS NICE AND THE BIRDS ARE SINGING WITH THE CHILDREN.", True),
    ("change_case:english_capital", {}, "THIS IS NOt", False),
    ("change_case:english_lowercase", {}, "this is quite an ordinary english sentence.", True),
    ("change_case:english_lowercase", {}, "das ist ein ganz gewöhnlicher deutscher satz.", False),
    ("punctuation:no_comma", {}, "a; b，c", True),
    ("punctuation:no_comma", {}, "a, b", False),
]


@pytest.mark.parametrize(("name", "arguments", "response", "followed"), RULES)
def test_rule(name, arguments, response, followed):
    assert strict(name, arguments, response) is followed


def test_every_instruction_has_a_rule_that_is_followed_and_one_that_is_not():
    assert len(INSTRUCTIONS) == 25
    assert {name for name, *_, followed in RULES if followed} == set(INSTRUCTIONS)


@pytest.mark.parametrize("name", sorted({name for name, arguments, *_ in RULES if arguments}))
def test_a_missing_argument_is_undecidable_where_the_reference_draws_one_at_random(name):
    assert strict(name, {}, "some text") is None


def test_a_sign_that_is_no_letter_is_counted_by_the_fixed_protocol():
    arguments = {"letter": "#", "let_frequency": 2, "let_relation": "at least"}
    assert strict("keywords:letter_frequency", arguments, "#a #b", FIXED) is True


def test_loose_forgives_an_introduction_a_farewell_and_stars():
    assert list(variants("a\n*b*\nc")) == ["a\n*b*\nc", "a\nb\nc", "*b*\nc", "b\nc", "a\n*b*", "a\nb", "*b*", "b"]
    assert strict("startend:quotation", {}, 'Sure:\n"x"') is False
    assert loose("startend:quotation", {}, 'Sure:\n"x"') is True


def test_a_blank_response_follows_nothing_not_even_having_no_comma():
    assert strict("punctuation:no_comma", {}, " \n") is False and loose("punctuation:no_comma", {}, "") is False


def test_a_text_has_one_verdict_on_its_language():
    text = "ok bien gut"
    assert len({strict("language:response_language", {"language": "de"}, text) for _ in range(20)}) == 1


FROM_MANY_THREADS = """
from concurrent.futures import ThreadPoolExecutor
from evalcore.scoring.ifeval.language import is_language
with ThreadPoolExecutor(8) as threads:
    print(sum(threads.map(lambda _: is_language("Dies ist ein deutscher Satz.", "en"), range(8))))
"""


def test_the_first_verdicts_are_right_from_many_threads_too():
    told = subprocess.run([sys.executable, "-c", FROM_MANY_THREADS], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "0"


ARGUMENTS = {
    "keywords": ["a"], "keyword": "a", "frequency": 3, "relation": "less than", "forbidden_words": ["z"], "letter": "q",
    "let_frequency": 1, "let_relation": "less than", "language": "en", "num_sentences": 3, "num_paragraphs": 2,
    "nth_paragraph": 1, "first_word": "x", "num_words": 9, "num_placeholders": 10**9, "postscript_marker": "P.P.S",
    "num_bullets": 3, "num_highlights": 10**9, "section_spliter": "S", "num_sections": 10**9, "prompt_to_repeat": "abc",
    "end_phrase": "x", "capital_frequency": 3, "capital_relation": "less than",
}  # fmt: skip
ODD = st.lists(
    st.sampled_from([*'*-<>[]{}"`,.!?\n\t aAé١#\ud800', "***", "\n\n", "```json", "P.S.", "<<", "U.S."])
).map("".join)


@settings(max_examples=60, deadline=None)
@given(text=ODD | st.text(), name=st.sampled_from(sorted(INSTRUCTIONS)))
def test_no_text_breaks_a_check(text, name):
    assert strict(name, ARGUMENTS, text) in (True, False)
    assert not strict(name, ARGUMENTS, text) or loose(name, ARGUMENTS, text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit", [" ", "\n", "[", "<<", "*", "-", "a", ".", "a.", "'", '"', "Section ", "p.", "\n*", "{", "\t\n", "A! "]
)
def test_a_megabyte_takes_time_in_proportion(unit):
    text = unit * (10**6 // len(unit))
    for name, check in INSTRUCTIONS.items():
        began = time.process_time()
        check(text, ARGUMENTS)
        assert time.process_time() - began < 30, name  # quadratic time would be hours
