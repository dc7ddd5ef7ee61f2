"""Letters: reading out of an answer which option it chose.

Every reader is pure, takes an answer and the texts of the options, and gives a letter, or None where the answer
chooses none: a miss is a miss and is never guessed. The published readers keep their quirks, since published scores
stand on them; `last_statement` is ours. None backtracks: an answer of a megabyte takes time in proportion to its
length. A new reader is a function here and a line in evalcore.scoring.choices.READERS.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from string import ascii_uppercase

# --- published readers ---------------------------------------------------------------------------------------------

STAGE_1 = re.compile(r"answer is \(?([A-J])\)?")
STAGE_2 = re.compile(r"(?=[aA]nswer:\s*([A-J]))")
STAGE_3 = re.compile(r"\b[A-J]\b")


def mmlu_pro_stage1(text: str, choices: Sequence[str]) -> str | None:
    """First "answer is (X)", X from A to J (MMLU-Pro's first pattern; lm-evaluation-harness uses it alone)."""
    found = STAGE_1.search(text)
    return found[1] if found else None


def mmlu_pro(text: str, choices: Sequence[str]) -> str | None:
    """MMLU-Pro's three patterns in turn: arXiv 2406.01574, TIGER-AI-Lab/MMLU-Pro.

    First "answer is (X)"; else, on the first line that has one, the last "answer: X"; else the last letter that stands
    alone. Kept as published: X may be past the last option, and "I" the pronoun is a letter to the third. Left out:
    the random letter the official script takes when all three fail.
    """
    return mmlu_pro_stage1(text, choices) or _answer_colon_of_first_line(text) or _last_lone_letter(text)


def _answer_colon_of_first_line(text: str) -> str | None:
    letter, line_end = None, len(text)
    for found in STAGE_2.finditer(text):
        if found.start() > line_end:
            break
        if letter is None and (end := text.find("\n", found.start())) != -1:
            line_end = end
        letter = found[1]
    return letter


def _last_lone_letter(text: str) -> str | None:
    letter = None
    for found in STAGE_3.finditer(text):
        letter = found[0]
    return letter


def simple_evals(text: str, choices: Sequence[str]) -> str | None:
    """First "Answer: X" (openai/simple-evals, gpqa_eval): the words in any case, "$" around X allowed.

    Kept as published: a small letter is read but is not the gold one, and "Answer: Because" reads as B.
    """
    found = re.search(rf"(?i)Answer[ \t]*:[ \t]*\$?([A-{_last(choices)}])\$?", text)
    return found[1] if found else None


ANSWER_COLONS = (
    *(r"Answer\s*:", r"উত্তর\s*:", r"उत्तर\s*:", r"উত্তরঃ", r"Antwort\s*:", r"답변\s*:", r"정답\s*:", r"답\s*:"),
    *(r"答案\s*：", r"答案\s*:", r"答\s*：", r"答\s*:", r"答复\s*：", r"答曰\s*："),
    *("الإجابة:", "الجواب:", "إجابة:", "الإجابة النهائية:", "الإجابة الصحيحة:", "الإجابة الصحيحة هي:"),
    *("الإجابة هي:", "الجواب النهائي:", r"Respuesta\s*:", r"Risposta\s*:", r"答え\s*:", r"答え\s*：", r"回答\s*:"),
    *(r"回答\s*：", r"解答\s*:", r"Jawaban\s*:", r"Réponse\s*:", r"Resposta\s*:", r"Jibu\s*:", r"Idahun\s*:"),
    *(r"Ìdáhùn\s*:", r"Idáhùn\s*:", r"Àmọ̀nà\s*:", r"Àdáhùn\s*:", r"Ànúgọ\s*:", r"Àṣàyàn\s*:"),
)
"""How simple-evals knows "Answer:" in the languages it covers; the order decides which is tried first."""
MARKUP = (
    "**",
    "$\\boxed{",
    "}$",
    "\\$",
    "$\\text{",
    "$",
    "\\mathrm{",
    "\\{",
    "\\text",
    "\\(",
    "\\mathbf{",
    "{",
    "\\boxed",
)
OTHER_ALPHABETS = str.maketrans("أبجدঅবডঢＡＢＣＤ", "ABCDABCDABCD")


def simple_evals_languages(text: str, choices: Sequence[str]) -> str | None:
    """Answer word of any of two dozen languages, a colon, X, markup deleted before (openai/simple-evals, mmlu_eval).

    The words are tried in their order; of the first that hits, the first hit counts. Arabic, Bengali and full-width
    letters are read as A to D. Quirks as in `simple_evals`.
    """
    for mark in MARKUP:
        text = text.replace(mark, "")
    letters = rf"([A-{_last(choices)}]|[أ-د]|[অবডঢ]|[Ａ-Ｄ])"
    for words in ANSWER_COLONS:
        if found := re.search(rf"(?i){words}[ \t]*{letters}", text):
            return found[1].translate(OTHER_ALPHABETS)
    return None


def exact_letter(text: str, choices: Sequence[str]) -> str | None:
    """The whole answer, blanks at its ends off, is the letter: exact match as HELM has it for one-token answers."""
    return _option(text.strip(), choices)


LEADING = re.compile(r"[\s(\[*]*([A-Z])(?![\w'’])")


def leading_letter(text: str, choices: Sequence[str]) -> str | None:
    """The letter the answer begins with: "D", "D.", "(D) text" (few-shot runs cut after some tokens, as C-Eval's)."""
    found = LEADING.match(text)
    return _option(found[1], choices) if found else None


def _last(choices: Sequence[str]) -> str:
    return ascii_uppercase[max(len(choices), 2) - 1]


def _option(letter: str, choices: Sequence[str]) -> str | None:
    return letter if len(letter) == 1 and letter in ascii_uppercase[: len(choices)] else None


# --- ours ----------------------------------------------------------------------------------------------------------

UNDECIDED = "?"
"""A statement that names two options, or one not offered: it takes the place of earlier ones, and is no answer."""
STATEMENT_CHARS = 240  # how much of a line after "the answer is" is compared with the texts of the options

BOXED = re.compile(r"\\(?:boxed|fbox)")
LATEX_WORDS = re.compile(r"\\(?:text(?:bf|it|rm)?|math(?:rm|bf|bb|sf|it)|operatorname|left|right|quad)(?![a-zA-Z])")
TAGS = re.compile(r"</?(?:b|i|u|em|strong|mark|span|p|code)>|</answer>", re.IGNORECASE)
INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
QUOTING = str.maketrans(dict.fromkeys("*_`$\\{}\"“”„«»「」『』'’‘", ""))

LINK = (
    r"(?P<link>(?:[ \n]?(?:(?i:is|be|are|should|would|must|will|has|to|the|this|that|question|here|correct|right|best"
    r"|final|single|most|likely|probably|therefore|thus|hence|clearly|definitely|indeed|simply|option|choice|letter"
    r"|answer|as|follows|ist|lautet|es|est|la|é|è|adalah|die|der)\b|是|为|為|应|應|该|該|选|選|择|擇|は"
    r"|[:=>→-]|–|—)){0,9}[ \n]?)"
)
CUES = (
    (("answer",), re.compile(r"(?:[aA]nswer|ANSWER)\b" + LINK)),
    (
        ("correct ", "right ", "best ", "final ", "chosen "),
        re.compile(r"(?i:correct|right|best|final|chosen) (?i:option|choice|letter|one|response|statement)\b" + LINK),
    ),
    (
        ("antwort", "respuesta", "réponse", "reponse", "resposta", "risposta", "ответ", "jawaban"),
        re.compile(r"(?i:antwort|respuesta|réponse|reponse|resposta|risposta|ответ|jawaban)\b" + LINK),
    ),
    (
        ("<<boxed>>", "答案", "正确选项", "正確選項", "答え", "回答", "정답", "답변"),
        re.compile(r"(?:<<boxed>>|答案|正确选项|正確選項|答え|回答|정답|답변)" + LINK),
    ),
)
"""What a statement begins with, and small words of which one has to be in the text: looked for first, being quick."""
LINKED = re.compile(r"(?i:\b(?:is|be|ist|lautet|es|est|é|è|adalah)\b)|[:=→是为為选選は]|-+>|\n")
CHOICES_MADE = ("choose", "select", "pick", "chose", "go with", "going with", "opt for", "选", "選")
CHOSEN = re.compile(
    r"(?:(?i:choose|select|pick|chose|selected|picked|go with|going with|opt for)(?: the)?"
    r"(?: (?i:option|choice|answer|letter))?|(?:故|应|應|因此|所以)?(?:选择|選擇|选|選))[: ]{0,2}"
    r"(?=[(\[]?[A-Z](?:[)\].,;:!。，]|\n|$| (?i:because|since|as)\b|[^\x00-\x7f]))"
)
"""I choose X. Only where a clause ends after X: in mathematics, one also chooses C in R."""
NAMED = re.compile(
    r"(?<![A-Za-z0-9])(?P<cue>(?i:option|choice|answer) )?(?=[(\[]?[A-Z][)\]]?[.:,]? (?i:is|as)\b)"
    r"(?P<letter>[(\[]?[A-Z][)\]]?)[.:,]? (?i:is|as)"
    r"(?P<judged>(?: (?i:indeed|clearly|therefore|thus|the|most|only|single|correct|right|best|accurate|appropriate"
    r"|final|answer|option|choice))+)(?![\w-])"
)
"""Option X is correct; X is the (correct) answer."""
DENIED = re.compile(
    r"(?i:\b(?:not|isnt|arent|cannot|cant|never|dont|doesnt|wouldnt|wrong|incorrect|false|if|whether|suppose|assume"
    r"|doubt|neither|nor)(?: \w+){0,2} $|\b(?:other|another|possible) $)|(?:不|错误|錯誤|不正确的?|不是|没有)$"
)
"""Right before a statement, in the same clause: "is not the", "if the", "the wrong"."""
DENIED_CHARS = 32  # how far back a denial is looked for: three words

LETTER = re.compile(r"(?P<open>[(\[<]?) ?(?P<letter>[A-Za-z])(?![A-Za-z0-9°+#])(?P<close>(?: ?[)\]>])?)")
NOT_ALONE = re.compile(r"[-/&][A-Za-z0-9]|\.[A-Z]\b")
"""B-cell, A/C, D.C.: the letter is a part of something."""
ARTICLE = re.compile(r" (?!(?i:because|since|as|due|which|given|based|for|so)\b)[A-Za-z0-9]")
LINE_END = re.compile(r"[.,;!?]?(?:\n|$)")
SECOND = re.compile(
    r" ?(?:(?:(?i:or)\b|/|或)|(?:,|&|、|和|(?i:and)\b)(?=[^A-Za-z0-9]{0,4}[A-Z](?:[)\].,;!?]|\n|$))) ?"
    r"(?i:option |choice )?[(\[]?[A-Z](?![A-Za-z0-9])"
)
LABEL = re.compile(r"^[-#> ]{0,3}[(\[]?([A-Z])(?:[)\].:]+(?=\s|$|[^A-Za-z0-9.])|$)", re.MULTILINE)
LONE = re.compile(r"[-#> ]{0,3}[(\[]?([A-Z])[)\]]?[.!。]?")
NEXT_QUESTION = re.compile(r"^(?:Question|Q) ?:", re.MULTILINE)


def last_statement(text: str, choices: Sequence[str]) -> str | None:
    """The option that the last explicit statement of an answer names; ours.

    A statement is "(the) answer is / answer: X", "correct option is X", a boxed X, "option X is correct", "X is the
    answer", "I choose X", 答案是X, 故选X and the like, through Markdown, LaTeX, brackets, quotes, full-width letters
    and small ones that stand alone; X may also be the whole text of one option. Denied ones ("is not", "if") do not
    count, nor does a letter that is an article or a part of a word. A last statement that names two options, or a
    letter not offered, is none. Without a statement: a last line that is a letter; a first or last line that is an
    option with its label, the only one there ("B. Paris"); a whole answer that is one option's text. What follows the
    statement from a line "Question:" on was never asked, as base models write, and is not read.
    """
    text, options = plain(text), [_bare(plain(choice)) for choice in choices[: len(ascii_uppercase)]]
    stated = sorted(_stated(text, options))
    if stated:
        limits = [found.start() for found in NEXT_QUESTION.finditer(text) if found.start() > stated[0][0]]
        letter = [letter for at, letter in stated if not limits or at < limits[0]][-1]
        return None if letter == UNDECIDED else letter
    return _labelled(text, options) or _option_text(text, options)


def plain(text: str) -> str:
    """Without Markdown, LaTeX and quotes; compatible characters unified; one blank or line break where many were."""
    text = TAGS.sub("", BOXED.sub(" <<boxed>>: ", unicodedata.normalize("NFKC", text).translate(INVISIBLE)))
    text = text.replace("<answer>", " answer: ").replace("**", "")
    text = LATEX_WORDS.sub("", text).translate(QUOTING)
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def _stated(text: str, options: Sequence[str]) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    small = text.lower()
    for words, pattern in CUES:
        for cue in pattern.finditer(text) if any(word in small for word in words) else ():
            stated = LINKED.search(cue["link"]) and _begins(text, cue.start())
            if stated and (letter := _letter_or_text(text, cue.end(), options)):
                found.append((cue.start(), letter))
    for cue in CHOSEN.finditer(text) if any(word in small for word in CHOICES_MADE) else ():
        if _begins(text, cue.start()) and (letter := _letter_at(text, cue.end(), options)):
            found.append((cue.start(), letter))
    for cue in NAMED.finditer(text):
        judged = cue["judged"].lower()
        right = any(word in judged for word in ("correct", "right", "best", "accurate", "appropriate"))
        says_so = (cue["cue"] and right) or "answer" in judged or (right and "option" in judged)
        if says_so and _begins(text, cue.start()):
            found.append((cue.start(), _option(cue["letter"].strip("()[]"), options) or UNDECIDED))
    return found


def _begins(text: str, at: int) -> bool:
    """Whether a statement begins there: not within a word, and not right after a denial."""
    before = text[max(0, at - DENIED_CHARS) : at]
    within = before[-1:].isascii() and before[-1:].isalnum()
    return not within and DENIED.search(before.rpartition("\n")[2]) is None


def _letter_or_text(text: str, at: int, options: Sequence[str]) -> str | None:
    return _letter_at(text, at, options) or _option_text(text[at : at + STATEMENT_CHARS].partition("\n")[0], options)


def _letter_at(text: str, at: int, options: Sequence[str]) -> str | None:
    """The letter that stands at that place, UNDECIDED where it is one of two or not offered, None where it is none."""
    found = LETTER.match(text, at)
    if found is None or NOT_ALONE.match(text, found.end()):
        return None
    letter = found["letter"]
    closed = bool(found["close"].strip())
    if letter.islower() and not (closed or LINE_END.match(text, found.end())):
        return None
    if SECOND.match(text, found.end()):
        return UNDECIDED
    if letter in "AI" and not closed and ARTICLE.match(text, found.end()):
        return None
    return _option(letter.upper(), options) or UNDECIDED


def _labelled(text: str, options: Sequence[str]) -> str | None:
    lines = text.split("\n")
    if lone := LONE.fullmatch(lines[-1] if len(lines) > 1 else text.upper()):  # a small one, where nothing else stands
        return _option(lone[1], options)
    if len({letter for letter in LABEL.findall(text) if _option(letter, options)}) == 1:
        for line in (lines[0], lines[-1]):
            label = LABEL.match(line)
            if label and (letter := _option(label[1], options)) and _fits(line[label.end() :], letter, options):
                return letter
    return None


def _fits(rest: str, letter: str, options: Sequence[str]) -> bool:
    """Whether what stands behind a label is that option's text, the beginning of it or a reason, and not a part (A)."""
    rest, choice = _bare(rest[:STATEMENT_CHARS]), options[ascii_uppercase.index(letter)]
    return (
        choice.startswith(rest) or (bool(choice) and rest.startswith(choice)) or rest.startswith(("because", "since"))
    )


def _option_text(text: str, options: Sequence[str]) -> str | None:
    """The letter of the one option whose text this is."""
    if len(text) > 4 * STATEMENT_CHARS:
        return None
    wanted = _bare(text)
    return ascii_uppercase[options.index(wanted)] if wanted and options.count(wanted) == 1 else None


def _bare(text: str) -> str:
    return text.strip(" \n.,;:!?()[]。").casefold()
