"""Text: comparing short free answers by their words.

`squad_normal` is that of Rajpurkar et al., "SQuAD", 2016 (arXiv 1606.05250; evaluate-v1.1.py): lower case, punctuation
deleted, articles dropped. `trivia_normal` is that of Joshi et al., "TriviaQA", 2017 (arXiv 1705.03551; mandarjoshi90/
triviaqa, evaluation/triviaqa_evaluation.py): the same, but punctuation becomes a space, and so do the quotation
marks of books. `harness_normal` is what lm-evaluation-harness compares for trivia_qa: case and punctuation ignored,
articles kept. `rouge_l` is the F-measure of Lin, "ROUGE", 2004 (no stemming).
All take any text in time linear in the answer.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterable, Sequence

ARTICLES = re.compile(r"\b(?:a|an|the)\b")
PUNCTUATION = frozenset(string.punctuation)
BOOK_QUOTES = frozenset("‘’´`")
DELETED = {ord(sign): None for sign in PUNCTUATION}
SPACED = {ord(sign): " " for sign in PUNCTUATION | BOOK_QUOTES}
WORD = re.compile(r"[^\W_]+")
WRITTEN_WITHOUT_SPACES = re.compile("([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")
MARKED = re.compile(r"\banswer\b[*_\s]{0,3}(?:\bis\b|[:：])[*_\s:：]{0,3}", re.IGNORECASE)
WRAPPING = " \t*_`\"'“”"


def squad_normal(text: str) -> str:
    return " ".join(ARTICLES.sub(" ", text.lower().translate(DELETED)).split())


def trivia_normal(text: str) -> str:
    return " ".join(ARTICLES.sub(" ", text.replace("_", " ").lower().translate(SPACED)).split())


def harness_normal(text: str) -> str:
    return text.lower().translate(DELETED)


def bag_f1(answer: Sequence[str], target: Sequence[str]) -> float:
    """Harmonic mean of the shares of words in common, each as often as it occurs; 1 when both are empty."""
    if not answer or not target:
        return float(not answer and not target)
    common = (Counter(answer) & Counter(target)).total()
    return 2 * common / (len(answer) + len(target))


def rouge_l(answer: Sequence[str], target: Sequence[str]) -> float:
    """F-measure of the longest common subsequence of words; 0 when either is empty."""
    if not answer or not target:
        return 0.0
    return 2 * _longest_common(answer, target) / (len(answer) + len(target))


def _longest_common(answer: Sequence[str], target: Sequence[str]) -> int:
    """Length by Hyyrö's bit-parallel recurrence: one pass over the answer, the target is the bits of one integer."""
    places: dict[str, int] = {}
    for at, word in enumerate(target):
        places[word] = places.get(word, 0) | 1 << at
    everywhere = (1 << len(target)) - 1
    gaps = everywhere
    for word in answer:
        here = gaps & places.get(word, 0)
        gaps = ((gaps + here) | (gaps - here)) & everywhere
    return len(target) - gaps.bit_count()


def words(text: str) -> list[str]:
    """Lower-case words without punctuation; each character of a script written without spaces is one."""
    return WORD.findall(WRITTEN_WITHOUT_SPACES.sub(r" \1 ", text.lower()))


def best(scores: Iterable[float]) -> float:
    """The best over the accepted answers; 0 when there are none."""
    return max(scores, default=0.0)


def short_answer(text: str) -> str | None:
    """The answer that a text gives: what the last "answer:" or "answer is" introduces, else its only line.

    Ornaments (bold, quotes, a full stop) come off. None when several lines stand there and none is marked: which of
    them is meant would be a guess.
    """
    last = None
    for last in MARKED.finditer(text):  # noqa: B007 - the last one is wanted
        pass
    rest = text if last is None else text[last.end() :]
    lines = [line for line in rest.splitlines() if line.strip(WRAPPING)]
    if not lines or (last is None and len(lines) > 1):
        return None
    found = lines[0].strip(WRAPPING)
    return found.removesuffix(".").strip(WRAPPING) or None
