"""evalcore's command line: for now it only says what is to come."""

import sys


def main() -> int:
    """Evaluation is not built yet; 2 is what the shell learns of a command that cannot be run."""
    print("evalcore: evaluation is coming; this version measures speed only. See `perfbench --help`.", file=sys.stderr)
    return 2
