"""GSM8K, MATH-500, AIME and MGSM: rows become samples, samples become messages, answers become scores."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcore.benchmarks.aime import Aime24, Aime25
from evalcore.benchmarks.base import PromptOptions
from evalcore.benchmarks.gsm8k import Gsm8k
from evalcore.benchmarks.math_500 import Math500
from evalcore.benchmarks.mgsm import LANGUAGES, Mgsm
from evalcore.benchmarks.table import benchmark
from evalcore.errors import DataError
from evalcore.scoring.boxed import last_box, stated_formula
from evalcore.types import Answer, Sample
from tests.evalcore.shared import shared, shared_rows

EGGS = {"question": "Ana has 12 eggs and buys 6. How many?", "answer": "12+6=<<12+6=18>>18 eggs.\n#### 18"}


def values(bench, target, text, subset="main", finish_reason="stop"):
    sample = Sample(id="item", subset=subset, question="?", target=target)
    return {
        name: score.value for name, score in bench.score(sample, Answer(text=text, finish_reason=finish_reason)).items()
    }


@pytest.mark.parametrize("name", ["gsm8k", "math_500", "aime24", "aime25", "mgsm"])
def test_each_stands_in_the_table_under_its_own_name(name):
    assert benchmark(name).name == name


def test_gsm8k_takes_the_gold_behind_the_hashes_and_shows_shots_without_calculator_marks():
    bench = Gsm8k()
    sample = bench.sample(EGGS, "main")
    assert sample.target == "18"
    messages = bench.messages(sample, [sample] * 8, PromptOptions(system_prompt="Be brief."))
    assert [message["role"] for message in messages] == ["system"] + ["user", "assistant"] * 8 + ["user"]
    assert messages[2]["content"] == "12+6=18 eggs.\nThe answer is 18."
    assert messages[1] == messages[-1]


def test_gsm8k_says_which_row_has_no_gold():
    with pytest.raises(DataError, match="Ana has"):
        Gsm8k().sample({**EGGS, "answer": "18"}, "main")
    with pytest.raises(DataError, match="'question'"):
        Gsm8k().sample({"answer": "#### 18"}, "main")


@pytest.mark.parametrize(
    ("text", "numeric", "flexible", "strict"),
    [
        pytest.param("The answer is 18.", 1, 1, 1, id="as asked for"),
        pytest.param("#### 18", 1, 1, 1, id="as the rows do"),
        pytest.param("So **18** eggs.", 1, 1, 0, id="only the last number"),
        pytest.param("18 eggs ... done.", 1, 0, 0, id="dots fool the harness"),
        pytest.param("It is 18.0", 1, 0, 0, id="values, not spellings"),
        pytest.param("The answer is 18. It took 2 steps.", 1, 0, 1, id="talk behind the answer"),
        pytest.param("The answer is 17.", 0, 0, 0, id="wrong"),
        pytest.param("", 0, 0, 0, id="empty"),
    ],
)
def test_gsm8k_scores_three_ways(text, numeric, flexible, strict):
    assert values(Gsm8k(), "18", text) == {"numeric": numeric, "flexible": flexible, "strict": strict}


def test_gsm8k_does_not_credit_the_number_where_a_cut_text_happened_to_stop():
    assert values(Gsm8k(), "18", "First there are 18", finish_reason="length")["numeric"] == 0
    assert values(Gsm8k(), "18", "The answer is 18. First", finish_reason="length")["numeric"] == 1


@pytest.mark.parametrize(
    ("text", "integer", "harness"),
    [
        pytest.param(r"\boxed{73}", 1, 1, id="boxed"),
        pytest.param(r"\boxed{073}", 1, 0, id="zeros in front"),
        pytest.param(r"\boxed{m+n = 73}", 1, 0, id="behind the equals sign"),
        pytest.param("The answer is 73.", 1, 0, id="in words"),
        pytest.param("so it is $73$.", 0, 1, id="between dollars"),
        pytest.param("73", 0, 1, id="nothing else"),
        pytest.param(r"73, so \boxed{74}", 0, 0, id="the box counts"),
        pytest.param(r"\boxed{\frac{73}{1}}", 0, 0, id="a fraction is not read"),
        pytest.param("there are 73", 0, 0, id="the last number is not the answer"),
        pytest.param("", 0, 0, id="empty"),
    ],
)
def test_aime_compares_integers(text, integer, harness):
    assert values(Aime24(), "73", text) == {"integer": integer, "harness": harness}


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({"problem": "p", "answer": 73}, id="number"),
        pytest.param({"problem": "p", "answer": "073"}, id="text"),
        pytest.param({"question": "p", "answer": "73"}, id="called question"),
        pytest.param({"Problem": "p", "Answer": 73}, id="capitals"),
        pytest.param({"problem": "p", "expected_answer": "73"}, id="expected_answer"),
        pytest.param({"problem": "p", "solution": r"\boxed{073}"}, id="in the solution alone"),
    ],
)
def test_aime_reads_the_gold_of_every_layout(row):
    assert Aime25().sample(row, "main").target == "73"


def test_aime_says_which_row_has_no_whole_number():
    with pytest.raises(DataError, match="not a whole number"):
        Aime24().sample({"problem": "p", "answer": "1/2"}, "main")


def test_math_500_asks_for_a_box_and_scores_it():
    pytest.importorskip("math_verify", reason="the extra `math` is not installed")
    bench = Math500()
    sample = bench.sample(
        {"problem": "Half of a half?", "answer": r"\frac{1}{4}", "subject": "Algebra", "level": 1}, "main"
    )
    assert "\\boxed{}" in bench.messages(sample, [], PromptOptions())[-1]["content"]
    assert sample.category == "Algebra"
    assert values(bench, sample.target, r"\boxed{0.25}") == {"equal": 1, "string": 0, "minerva": 1, "math_verify": 1}
    said = values(bench, sample.target, "The answer is 0.25.")
    assert said == {"equal": 1, "string": 0, "minerva": 1, "math_verify": 1}
    assert values(bench, sample.target, r"it is 0.25") == {"equal": 0, "string": 0, "minerva": 0, "math_verify": 0}
    assert values(bench, sample.target, r"\boxed{\dfrac14}")["string"] == 1


@pytest.mark.parametrize(
    ("language", "text", "numeric", "simple_evals"),
    [
        pytest.param("en", "Answer: 18", 1, 1, id="as asked for"),
        pytest.param("en", "it is 18", 1, 0, id="simple-evals wants the word"),
        pytest.param("en", "Answer: 18 of 20", 1, 0, id="simple-evals takes the last number"),
        pytest.param("de", "Die Antwort lautet 18.", 1, 1, id="German sentence"),
        pytest.param("de", "Antwort: 18,00 Euro", 1, 0, id="German decimals"),
        pytest.param("fr", "Réponse : 18", 1, 1, id="French space before the colon"),
        pytest.param("ja", "答えは18です。", 1, 1, id="Japanese"),
        pytest.param("zh", "答案：18", 1, 1, id="wide colon"),
        pytest.param("bn", "উত্তর: ১৮", 1, 0, id="Bengali digits, which simple-evals does not equate"),
        pytest.param("th", "คำตอบคือ 18", 1, 1, id="Thai"),
        pytest.param("te", "**సమాధానం:** 18", 1, 1, id="Telugu in bold"),
        pytest.param("ru", "Ответ: −18", 0, 1, id="simple-evals does not see the minus"),
        pytest.param("sw", "Jibu ni 17", 0, 0, id="wrong"),
        pytest.param("es", "", 0, 0, id="empty"),
    ],
)
def test_mgsm_scores_two_ways(language, text, numeric, simple_evals):
    assert values(Mgsm(), "18", text, language) == {"numeric": numeric, "simple_evals": simple_evals}


@pytest.mark.parametrize(
    ("language", "text"),
    [("de", "Antwort: 70.000"), ("fr", "Réponse: 70\u202f000"), ("ru", "Ответ: 70 000"), ("en", "Answer: 70,000")],
)
def test_mgsm_reads_thousands_as_the_language_writes_them(language, text):
    assert values(Mgsm(), "70000", text, language)["numeric"] == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_mgsm_asks_in_the_language_for_its_answer_word(language):
    bench = Mgsm()
    sample = bench.sample({"question": "12 + 6 = ?", "answer": "18"}, language)
    shot = bench.sample({"question": "Q: 1 + 1 = ?", "answer": "A: 1 + 1 = 2.", "answer_number": 2}, language)
    asked, worked, last = bench.messages(sample, [shot], PromptOptions())
    assert asked["content"].startswith("1 + 1 = ?\n\n")
    assert worked["content"] == f"1 + 1 = 2.\n{LANGUAGES[language].word}: 2"
    assert f"{LANGUAGES[language].word}:" in last["content"]
    assert values(bench, "2", worked["content"], language) == {"numeric": 1, "simple_evals": 1}


@given(st.text(max_size=200), st.sampled_from(sorted(LANGUAGES)))
def test_no_answer_raises(text, language):
    for bench, subset in ((Gsm8k(), "main"), (Aime24(), "main"), (Mgsm(), language)):
        sample = Sample(id="item", subset=subset, question="?", target="18")
        found = bench.score(sample, Answer(text=text))
        assert set(found) == set(bench.protocols)
        assert all(score.value == 0 for score in found.values() if score.extracted is None)


@pytest.mark.parametrize(
    ("bench", "path", "items"),
    [
        (Gsm8k(), "correctness/gsm8k/test_0000-0999.jsonl", 1000),
        (Math500(), "correctness/math500/math500_000-249.jsonl", 250),
        (Aime24(), "correctness/aime/aime2024.jsonl", 30),
        (Aime25(), "correctness/aime/aime2025_I.jsonl", 15),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_every_row_of_the_real_data_is_a_sample_with_an_id_of_its_own(bench, path, items):
    assert len({bench.sample(row, "main").id for row in shared_rows(path)}) == items


@pytest.mark.parametrize("language", ["de", "en", "es", "fr", "ja", "ru", "zh"])
def test_every_row_of_mgsm_is_a_sample_with_an_id_of_its_own(language):
    lines = shared(f"correctness/mgsm/mgsm_{language}.tsv").read_text("utf-8").splitlines()
    rows = [dict(zip(Mgsm.source.columns, line.split("\t"), strict=True)) for line in lines]
    assert len({Mgsm().sample(row, language).id for row in rows}) == 250


@pytest.mark.timeout(60)  # a second or two when linear; hours when every start is tried against every end
@pytest.mark.parametrize(
    "piece",
    [
        "1",
        "1,",
        "1,000",
        "12,34,",
        "#### 1 ",
        "####\n",
        "\\boxed{",
        "\\boxed ",
        "{",
        "answer is ",
        "answer:\n",
        "$",
        "1/",
        "=",
        " ",
    ],
)
def test_a_megabyte_of_anything_is_scored_in_linear_time(piece):
    text = piece * (1_000_000 // len(piece))
    for bench, subset in ((Gsm8k(), "main"), (Aime24(), "main"), (Mgsm(), "ja")):
        bench.score(Sample(id="item", subset=subset, question="?", target="18"), Answer(text=text))
    last_box(text), stated_formula(text)
