"""The command line: which commands there are, and what the shell learns when one ends.

A command's module is imported when it is called. Results go to stdout, all else to stderr.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from perfbench import __version__
from perfbench.engine.errors import ExitCode, PerfbenchError

COMMANDS = {  # what it takes, what it is for
    "run": ("[TASK] [FLAGS]", "Evaluate a model on benchmarks."),
    "list": ("[--tag TAG]", "List the benchmarks."),
    "show": ("BENCHMARK", "Tell what a benchmark is and how it is scored."),
    "report": ("FOLDER [--json]", "Compute the reports of a run again, from its reviews."),
    "rescore": ("FOLDER [--json]", "Score a run's answers again, without a request."),
    "compare": ("FOLDER_A FOLDER_B [--json]", "Say whether the difference of two runs is real."),
    "serve": ("[FLAGS]", "Serve all of it over HTTP."),
}


def app() -> App:
    """The command tree. Commands are named here and imported when called."""
    tree = App(
        name="evalcore", help="Right scores for language models, fast.", version=__version__, help_format="plaintext",
        suppress_keyboard_interrupt=False,
    )  # fmt: skip
    for name, (usage, text) in COMMANDS.items():
        tree.command(f"evalcore.commands.{name}:{name}_", name=name, help=text, usage=f"Usage: evalcore {name} {usage}")
    return tree


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; returns what the shell learns."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app()(words, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
        return int(code or ExitCode.DONE)
    except CycloptsError as error:
        _say(f"{error}\nsee {' '.join(['evalcore', *(word for word in words[:1] if word in COMMANDS)])} --help")
        return ExitCode.USAGE
    except PerfbenchError as error:
        _say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        _say("interrupted; what was answered is kept, --use-cache goes on with it")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    except OSError as error:
        if error.filename is None:
            return _bug()
        denied = isinstance(error, PermissionError) or error.errno == errno.EROFS
        remedy = "let this user read and write there" if denied else "what was written before is whole"
        _say(f"{error.filename}: {error.strerror}; {remedy}")
        return ExitCode.USAGE if denied else ExitCode.BUG
    except Exception:
        return _bug()


def _bug() -> int:
    """Of the exception at hand."""
    traceback.print_exc()
    _say("this is a bug of evalcore; please report it with the lines above")
    return ExitCode.BUG


def _say(message: str) -> None:
    print(f"evalcore: {message}", file=sys.stderr)
