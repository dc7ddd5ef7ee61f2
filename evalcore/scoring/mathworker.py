"""The program of a math helper process: each question is one comparison, each answer one byte.

Comparing formulas can take for ever or all memory; `evalcore.scoring.helper` sees to that.
"""

from __future__ import annotations

import json

from evalcore.scoring.helper import serve

SAME, DIFFERENT = b"1", b"0"


def main(limit_s: float) -> None:
    """Until standard input ends."""
    ways = {"verify": _verified, "simplify": _simplified}
    for way in ways.values():
        way("\\frac{1}{2}", "x+0.5")  # what is imported or built at first use is not on anybody's time

    def answer(line: bytes) -> bytes:
        how, gold, said = json.loads(line)
        try:
            same = ways[how](gold, said)
        except (Exception, RecursionError, MemoryError):  # no formula, or none that can be compared
            same = False
        return SAME if same else DIFFERENT

    serve(answer, limit_s)


def _verified(gold: str, answer: str) -> bool:
    from math_verify import parse, verify

    # Its own time limits are signals of the main thread that can be missed; ours is around all of it.
    known, said = (parse(f"${text}$", parsing_timeout=None) for text in (gold, answer))
    return bool(verify(known, said, timeout_seconds=None))


def _simplified(gold: str, answer: str) -> bool:
    import sympy
    from sympy.parsing.latex import parse_latex

    return bool(sympy.simplify(parse_latex(answer) - parse_latex(gold)) == 0)
