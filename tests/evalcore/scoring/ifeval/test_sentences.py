"""Sentences without trained data: rules, and the distance from nltk's own splitter where its data is at hand."""

import pytest

from tests.evalcore.shared import shared_rows

pytest.importorskip("nltk")

from evalcore.scoring.ifeval.sentences import capital_words, sentences


@pytest.mark.parametrize(
    ("text", "count"),
    [
        pytest.param("", 0, id="nothing"),
        pytest.param("One. Two! Three?", 3, id="three ends"),
        pytest.param("lower case. goes too", 2, id="a small letter begins one too"),
        pytest.param("Mr. and Mrs. Smith met Dr. Brown.", 1, id="titles"),
        pytest.param("It was 5 p.m. The train left.", 2, id="an abbreviation before a common first word"),
        pytest.param("He moved to the U.S. in May.", 1, id="an abbreviation within"),
        pytest.param("Plums, pears, etc. are fruit.", 2, id="an abbreviation that newspapers avoid: as the reference"),
        pytest.param("It costs 3.50 in total.", 1, id="a decimal point"),
        pytest.param('He said "Go." Then he went.', 2, id="a closing quote belongs to its sentence"),
        pytest.param("Wait... what? Oh... The end.", 3, id="an ellipsis ends one before a common first word"),
        pytest.param("No end" * 20_000, 1, id="longer than a piece without any white space"),
    ],
)
def test_sentences(text, count):
    assert len(sentences(text)) in ({count} if len(text) < 1_000 else range(1, 10))


def test_capital_words_are_cut_as_the_treebank_does():
    assert capital_words("I CAN'T see the U.S. or a UFO. OK?") == 6


def test_distance_from_nltks_trained_splitter():
    """The deviation, as a number: on recorded responses at most 1 in 50 counts differs."""
    from nltk.tokenize import PunktTokenizer

    try:
        trained = PunktTokenizer("english")
    except LookupError:
        pytest.skip("nltk's punkt_tab is not installed: python -m nltk.downloader punkt_tab")
    responses = [row["response"] for row in shared_rows("oracles/ifeval/gpt-4-20231107.jsonl.gz")]
    differ = sum(len(trained.tokenize(text)) != len(sentences(text)) for text in responses)
    assert differ <= len(responses) / 50
