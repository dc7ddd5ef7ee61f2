"""The table of benchmarks. A new one is one file and one line here."""

from __future__ import annotations

import importlib

from evalcore.benchmarks.base import Benchmark
from evalcore.errors import TaskError
from perfbench.settings.suggest import did_you_mean

BENCHMARKS: dict[str, str] = {
    # mathematics
    "aime24": "evalcore.benchmarks.aime:Aime24",
    "aime25": "evalcore.benchmarks.aime:Aime25",
    "gsm8k": "evalcore.benchmarks.gsm8k:Gsm8k",
    "math_500": "evalcore.benchmarks.math_500:Math500",
    "mgsm": "evalcore.benchmarks.mgsm:Mgsm",
    # choice
    "arc": "evalcore.benchmarks.arc:Arc",
    "bbh": "evalcore.benchmarks.bbh:BigBenchHard",
    "boolq": "evalcore.benchmarks.boolq:BoolQ",
    "ceval": "evalcore.benchmarks.ceval:CEval",
    "cmmlu": "evalcore.benchmarks.cmmlu:Cmmlu",
    "commonsense_qa": "evalcore.benchmarks.commonsense_qa:CommonsenseQa",
    "hellaswag": "evalcore.benchmarks.hellaswag:Hellaswag",
    "mmlu": "evalcore.benchmarks.mmlu:Mmlu",
    "mmlu_pro": "evalcore.benchmarks.mmlu_pro:MmluPro",
    "openbookqa": "evalcore.benchmarks.openbookqa:OpenBookQa",
    "race": "evalcore.benchmarks.race:Race",
    "race_h_lm": "evalcore.benchmarks.race:RaceHighLastQuestion",
    "truthful_qa": "evalcore.benchmarks.truthful_qa:TruthfulQa",
    "winogrande": "evalcore.benchmarks.winogrande:Winogrande",
    # text
    "drop": "evalcore.benchmarks.drop:Drop",
    "ifeval": "evalcore.benchmarks.ifeval:IfEval",
    "simple_qa": "evalcore.benchmarks.simple_qa:SimpleQa",
    "trivia_qa": "evalcore.benchmarks.trivia_qa:TriviaQa",
    # functions
    "bfcl": "evalcore.benchmarks.bfcl:Bfcl",
    # code
    "humaneval": "evalcore.benchmarks.humaneval:HumanEval",
    "mbpp": "evalcore.benchmarks.mbpp:Mbpp",
    "mbpp_sanitized": "evalcore.benchmarks.mbpp:MbppSanitized",
    # your own
    "general_arena": "evalcore.benchmarks.general_arena:GeneralArena",
    "general_mcq": "evalcore.benchmarks.general_mcq:GeneralMcq",
    "general_qa": "evalcore.benchmarks.general_qa:GeneralQa",
}


def benchmark(name: str) -> Benchmark:
    """The benchmark of that name. Raises TaskError naming the nearest one."""
    if name not in BENCHMARKS:
        raise TaskError(f"datasets: {name!r} is not a benchmark{did_you_mean(name, BENCHMARKS)}; see `evalcore list`")
    module, _, attribute = BENCHMARKS[name].partition(":")
    found: Benchmark = getattr(importlib.import_module(module), attribute)()
    return found
