"""Sentences and capital words of English text, without a download.

The reference takes nltk's Punkt sentence splitter with English data trained on newspapers. The algorithm (Kiss and
Strunk, "Unsupervised Multilingual Sentence Boundary Detection", 2006) is in nltk, the data is a download. So the same
algorithm runs here with knowledge of our own: abbreviations, which end no sentence, and words so common that a capital
shows the beginning of one. Deviation: a rarer abbreviation, or a rarer first word after one, can move a count;
on the recorded responses of three models none of 124 verdicts moves (tests/evalcore/scoring/test_oracle_ifeval.py).
Words are cut by nltk's Treebank rules, which need no data.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nltk.tokenize.destructive import NLTKWordTokenizer
    from nltk.tokenize.punkt import PunktSentenceTokenizer

# Newspaper English: "etc.", "e.g." and "i.e." do end a sentence for the reference, so they do here.
ABBREVIATIONS = """
    mr mrs ms messrs dr prof gen sen rep reps lt col maj adm jr sr st ph.d m.b.a
    jan feb aug sep sept oct nov dec tues wed fri a.m p.m a.d yr
    u.s u.k u.n u.s.a u.s.s.r d.c n.y n.j n.c s.c n.h n.d n.m w.va l.a
    ala ariz calif colo conn fla ga ill kan ky mich minn nev okla ore pa tenn va vt wash wis
    inc corp co cos ltd bros cie ave ft vs v
"""
COMMON_WORDS = """
    a an the this that these those there here he she it we you they his her its our your their my
    and but or so yet for nor if when while although because since as after before until once though unless
    in on at by from with without under over to of into about during between through despite
    what who why how where which is are was were do does did can could will would should may might must
    not no yes all some many most each every both few several another other one two also then now however
    please let let's it's that's there's here's don't you're we're they're i'm i've i'll he's she's what's
    first second next finally thus therefore meanwhile instead moreover furthermore additionally
"""
PIECE = 20_000  # characters taken at a time: nltk's expressions are not linear, and give up after five seconds


def sentences(text: str) -> list[str]:
    splitter = _splitter()
    return [sentence for piece in _pieces(text) for sentence in splitter.tokenize(piece)]


def capital_words(text: str) -> int:
    """Words, as the Penn Treebank cuts them (DON'T is two), in which every letter is a capital."""
    return sum(map(_capital_words, sentences(text)))


@lru_cache(maxsize=1024)  # a text that goes in circles has few sentences, and cutting one takes 0.1 ms
def _capital_words(sentence: str) -> int:
    if sentence == sentence.lower():
        return 0
    return sum(1 for word in _cutter().tokenize(sentence) if word.isupper())


def _pieces(text: str) -> Iterator[str]:
    """The text with its white space made short (of no account to the rules), cut near every PIECE characters."""
    text = " ".join(text.split())
    begin = 0
    while begin < len(text):
        end = begin + PIECE if begin + PIECE >= len(text) else max(text.rfind(" ", begin, begin + PIECE), begin)
        end = end if end > begin else begin + PIECE
        yield text[begin:end]
        begin = end


@cache
def _splitter() -> PunktSentenceTokenizer:
    from nltk.tokenize.punkt import _ORTHO_BEG_UC, _ORTHO_MID_LC, PunktParameters, PunktSentenceTokenizer

    known = PunktParameters()
    known.abbrev_types.update(ABBREVIATIONS.split())
    for word in COMMON_WORDS.split():
        known.add_ortho_context(word, _ORTHO_MID_LC | _ORTHO_BEG_UC)
    return PunktSentenceTokenizer(known)


@cache
def _cutter() -> NLTKWordTokenizer:
    from nltk.tokenize.destructive import NLTKWordTokenizer

    return NLTKWordTokenizer()
