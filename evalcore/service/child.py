"""Child: how the process of a job begins: `python -m evalcore.service.child PARENT MODULE WORDS...`.

It asks the kernel to be interrupted, as by Ctrl-C, when the service dies in whatever way, and then becomes the command
itself, `python -m MODULE WORDS...`. Where the kernel cannot promise that (it is Linux that can), a service that is
started again ends what is left of the one before.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG, of prctl(2)."""


def main() -> None:
    parent, words = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGINT, 0, 0, 0)
    if os.getppid() != parent:  # it died before it could be asked for
        sys.exit(130)
    os.execv(sys.executable, [sys.executable, "-P", "-m", *words])


if __name__ == "__main__":
    main()
