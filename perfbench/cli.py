"""The command line: which commands there are, and what the shell learns when one ends.

A command's module is imported when it is called, so that `perfbench --help` needs none of them. Results go to stdout,
all else to stderr. Errors of the user are told in one message without a traceback; anything unforeseen is a bug of ours
and shows one.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence

from cyclopts import App, CycloptsError
from cyclopts.exceptions import UnusedCliTokensError

from perfbench import __version__
from perfbench.engine.errors import ExitCode, PerfbenchError

COMMANDS = {  # what it takes, what it is for
    "run": ("[SCENARIO] [FLAGS]", "Load an endpoint and measure it."),
    "sweep": ("[SCENARIO] [FLAGS]", "Measure one load after the other."),
    "slo": ("[SCENARIO] [FLAGS]", "Find the largest load that meets an SLO."),
    "plan": ("FOLDER [FLAGS]", "How many replicas a target needs."),
    "report": ("FOLDER [FLAGS]", "Recompute summary and report of a run from its records."),
    "export": ("FOLDER --format NAME", "Rows, metrics or test cases for other programs."),
    "compare": ("FIRST SECOND [FLAGS]", "What changed between two runs, and whether it is real."),
    "simulate": ("[FLAGS]", "Serve an OpenAI-compatible endpoint with a known schedule."),
    "calibrate": ("[FLAGS]", "Measure what this machine's client adds to the figures."),
}
EPILOGUE = (
    "TIME is 200ms, 60s, 2m or 1h (a bare number is seconds), RATE is 20 (a second) or 1200/m, COUNT is 1000 or 1k, "
    "SHARE is 0.01 or 1%."
)


def app() -> App:
    """The command tree. Commands are named here and imported when called."""
    tree = App(
        name="perfbench",
        help="Load tests and true latency figures for LLM endpoints.",
        version=__version__,
        help_format="plaintext",
        help_epilogue=EPILOGUE,
        suppress_keyboard_interrupt=False,
    )
    for name, (usage, text) in COMMANDS.items():
        tree.command(
            f"perfbench.commands.{name}:{name}", name=name, help=text, usage=f"Usage: perfbench {name} {usage}"
        )
    return tree


def main() -> int:
    """The process: run its command line; returns what the shell learns."""
    _open_standard_streams()
    code = run(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is over: a late Ctrl-C changes nothing about how it ended
    return code


def run(words: Sequence[str]) -> int:
    """Run a command line."""
    try:
        code = app()(list(words), exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
        return int(code or ExitCode.DONE)
    except CycloptsError as error:
        said = str(error)
        if isinstance(error, UnusedCliTokensError):
            said = f"{', '.join(map(repr, error.unused_tokens or ()))}: more than this command takes"
        _say(f"{said}\nsee {' '.join(['perfbench', *(word for word in words[:1] if word in COMMANDS)])} --help")
        return ExitCode.USAGE
    except PerfbenchError as error:
        _say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        _say("interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:  # whoever read our output has enough; a second failure at exit would only confuse
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    except SystemExit as stop:  # what rich makes of it
        if isinstance(stop.__context__, BrokenPipeError):
            return ExitCode.DONE
        raise
    except Exception:
        traceback.print_exc()
        _say("this is a bug of perfbench; please report it with the lines above")
        return ExitCode.BUG


def _open_standard_streams() -> None:
    """A shell can start us with one of them closed (>&-): then it leads nowhere, and not into the next file opened."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 (to the end of the process)
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _say(message: str) -> None:
    print(f"perfbench: {message}", file=sys.stderr)
