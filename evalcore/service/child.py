"""Child: who stands between the service and the process of a job: `python -m evalcore.service.child MODULE WORDS...`.

It starts the command, `python -m MODULE WORDS...`, passes interrupts on, and ends as the command ends. Its stdin is a
pipe that the service holds and never writes to: when that closes, the service is gone in whatever way, `kill -9`
included, and the command is interrupted, once, so that it keeps and reports what is finished. (The kernel's own notice
of a parent's death, where there is one, comes once for each thread of the parent; a second interrupt means: at once.)
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

GRACE_S = 60.0
"""That a command has to end, once the service is gone."""


class Between:
    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._told = self._passed_on = 0
        self._lock = threading.RLock()  # a signal may come while the watching thread holds it, never the other way

    def heard(self, _number: int, _frame: object) -> None:
        self._told += 1
        self._pass_on()

    def _pass_on(self) -> None:
        with self._lock:
            while self._process is not None and self._passed_on < self._told:
                self._passed_on += 1
                self._process.send_signal(signal.SIGINT)

    def run(self, words: list[str]) -> int:
        """The command's exit code; negative: the signal that ended it."""
        signal.signal(signal.SIGINT, self.heard)
        process = subprocess.Popen([sys.executable, "-P", "-m", *words], stdin=subprocess.DEVNULL)
        self._process = process
        self._pass_on()
        threading.Thread(target=self._watch, daemon=True).start()
        return process.wait()

    def _watch(self) -> None:
        while os.read(0, 1):
            continue
        if not self._told:
            self._told = 1
            self._pass_on()
        end = threading.Timer(GRACE_S, os.killpg, (0, signal.SIGKILL))
        end.daemon = True
        end.start()


def main() -> int:
    code = Between().run(sys.argv[1:])
    if code < 0:  # as it did
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    sys.exit(main())
