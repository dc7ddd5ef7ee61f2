"""BFCL: is the right function called, with the right arguments; and none where none fits.

Patil et al., Berkeley Function Calling Leaderboard, https://gorilla.cs.berkeley.edu/leaderboard.html (repository
ShishirPatil/gorilla, berkeley-function-call-leaderboard), its parts of August 2024 whose calls are compared and not
run. Licence: Apache-2.0. Items: 1390: simple 400, multiple_function, parallel_function, parallel_multiple_function 200
each, relevance 240, java 100, javascript 50.

Rows: id, question, function (list of descriptions), ground_truth (per call the accepted values of each argument; a
call's key is the function's name, perhaps with a number behind it); relevance has none. On no hub in this form.

Prompt: the question, the functions in the request's `tools` (their names' dots made underscores). With dataset_args
{"bfcl": {"extra": {"functions": "text"}}} they stand in a system message instead, and calls are asked for as text.
No worked examples. The protocols are in evalcore.scoring.calls; comparing Java and JavaScript needs the extra `calls`.

Headline: macro over the parts. Scores of one answer:
- ast (headline): its tool calls, else the calls that its text consists of.
- ast_list: the same, but in a text the calls need the brackets of a list, as the leaderboard reads OpenAI's models.
- tool_calls: its tool calls alone, as the leaderboard reads models that are offered functions by the API.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from evalcore.benchmarks.base import Info, PromptOptions, Source, with_options
from evalcore.benchmarks.rows import text_of
from evalcore.errors import DataError, TaskError
from evalcore.scoring.calls.call import Call
from evalcore.scoring.calls.match import Language, mismatch_of_all
from evalcore.scoring.calls.offer import spoken, tool
from evalcore.scoring.calls.read import calls_of_list, calls_of_message, calls_of_text
from evalcore.scoring.calls.syntax import PACKAGES
from evalcore.types import Answer, Message, Sample, Score, Scores

NONE_FITS = "relevance"
LANGUAGES: Mapping[str, Language] = {"java": "Java", "javascript": "JavaScript"}
FORMS = ("tools", "text")
ASKED_AS_TEXT = (
    "You can call functions. Answer with the calls that the question needs and nothing else, as a list: "
    "[name(parameter=value, ...), name(parameter=value, ...)]. If no function fits, or a required value is not given, "
    "say so in words.\nThe functions, written in {language}:\n{functions}"
)


class Bfcl:
    name = "bfcl"
    info = Info(
        "BFCL (August 2024, calls compared)", "https://gorilla.cs.berkeley.edu/leaderboard.html", "Apache-2.0", 1390,
        ("functions", "english"),
    )  # fmt: skip
    source = Source(local={"test": ("bfcl/{subset}.jsonl*",)})
    subsets = (
        "simple", "multiple_function", "parallel_function", "parallel_multiple_function", NONE_FITS, "java",
        "javascript",
    )  # fmt: skip
    few_shot = 0
    protocols = ("ast", "ast_list", "tool_calls")
    average = "macro"
    max_tokens = None
    cpu_bound = False

    def ready(self) -> None:
        """Raises TaskError, naming the extra, when what the scores need is not installed."""
        for package in PACKAGES:
            if importlib.util.find_spec(package) is None:
                raise TaskError(f"bfcl needs the package {package}: pip install 'perfbench[calls]'")

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        functions = row.get("function")
        functions = [functions] if isinstance(functions, Mapping) else functions or []
        if not functions or not all(_is_described(one) for one in functions):
            raise DataError(f"bfcl: row {row.get('id')!r} has no usable 'function': each needs a name and parameters")
        names = [str(one["name"]) for one in functions]
        if subset != NONE_FITS and not row.get("ground_truth"):
            raise DataError(f"bfcl: row {row.get('id')!r} has no 'ground_truth'; join the possible answers by id")
        return Sample(
            id=text_of(row, "id", self.name), subset=subset, question=text_of(row, "question", self.name),
            target=[] if subset == NONE_FITS else _wanted(row["ground_truth"], names), meta={"functions": functions},
        )  # fmt: skip

    def messages(self, sample: Sample, shots: Sequence[Sample], options: PromptOptions) -> list[Message]:
        messages = with_options(sample.question, sample, options)
        if _form(options) == "tools":
            return messages
        listed = "\n".join(json.dumps(one, ensure_ascii=False) for one in sample.meta["functions"])
        return [
            {"role": "system", "content": ASKED_AS_TEXT.format(language=_language(sample), functions=listed)},
            *messages,
        ]

    def tools(self, sample: Sample, options: PromptOptions) -> list[dict[str, Any]]:
        as_text = _form(options) == "text"
        return [] if as_text else [tool(one, _language(sample)) for one in sample.meta["functions"]]

    def score(self, sample: Sample, answer: Answer) -> Scores:
        if answer.tool_calls:
            said = calls_of_message(answer.tool_calls)
            score = _compared(said, sample, spoken)
            return dict.fromkeys(self.protocols, score)
        language = _language(sample)
        return {
            "ast": _compared(calls_of_text(answer.text, language), sample, str),
            "ast_list": _compared(calls_of_list(answer.text, language), sample, str),
            "tool_calls": _compared(None, sample, str),
        }


def _compared(calls: list[Call] | None, sample: Sample, name: Callable[[str], str]) -> Score:
    said = None if calls is None else _shown(calls)
    if sample.subset == NONE_FITS:
        return Score(value=float(calls is None), extracted=said or "no call")
    if calls is None:
        return Score(value=0.0)
    functions = [{**one, "name": name(one["name"])} for one in sample.meta["functions"]]
    wanted = [(name(function), accepted) for function, accepted in sample.target]
    why = mismatch_of_all(calls, wanted, functions, _language(sample))
    return Score(value=float(not why), extracted=said, detail={"mismatch": why} if why else {})


def _wanted(ground_truth: Any, names: Sequence[str]) -> list[list[Any]]:
    """[name, accepted values by parameter] of each call. A key is a function's name, or begins with one."""
    parts = ground_truth if isinstance(ground_truth, list) else [ground_truth]
    pairs = [(key, accepted) for part in parts for key, accepted in part.items()]
    return [[next((name for name in names if name in key), names[0]), accepted] for key, accepted in pairs]


def _is_described(function: Any) -> bool:
    if not isinstance(function, Mapping) or not function.get("name"):
        return False
    parameters = function.get("parameters")
    return isinstance(parameters, Mapping) and isinstance(parameters.get("properties"), Mapping)


def _language(sample: Sample) -> Language:
    return LANGUAGES.get(sample.subset, "Python")


def _form(options: PromptOptions) -> str:
    form = options.extra.get("functions", FORMS[0])
    if form not in FORMS:
        raise TaskError(f"dataset_args.bfcl.extra.functions is {form!r}; write one of {', '.join(FORMS)}")
    return str(form)


def _shown(calls: Sequence[Call]) -> str:
    text = ", ".join(
        f"{call.name}({', '.join(f'{name}={value!r}' for name, value in call.arguments.items())})" for call in calls
    )
    return text if len(text) <= 500 else text[:500] + "..."
