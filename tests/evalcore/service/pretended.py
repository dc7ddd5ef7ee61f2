"""A job that pretends: python -m tests.evalcore.service.pretended FILES RESUME. The model's name says what it does.

    ends:N     ends with code N          waits      until it is interrupted, then ends with 130
    stubborn   ignores interrupts        dies       is killed by a signal
    secret     prints what the environment holds as the key
Like a real one it makes a run folder, tells its progress, and prints JSON; to go on it takes the folder it is given.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import yaml


def main() -> int:
    files, resume = Path(sys.argv[1]), sys.argv[2]
    task = yaml.safe_load((files / "task.yaml").read_text())
    does, outputs = task["model"], Path(task.get("work_dir") or task["outputs_dir"])
    folder = Path(resume) if resume != "-" else outputs / f"run-{files.name}"
    (folder / "configs").mkdir(parents=True, exist_ok=True)
    (folder / "configs" / "task_config_0.yaml").write_text(yaml.safe_dump({"datasets": ["x"], "model": does}))
    tell(folder, 0.5)
    if does == "waits":
        signal.signal(signal.SIGINT, interrupted)
        print("evalcore: waiting", file=sys.stderr, flush=True)
        signal.pause()
    if does == "stubborn":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        tell(folder, 0.6)
        time.sleep(600)
    if does == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    tell(folder, 1.0)
    said = {"resumed": resume != "-"}
    if does == "secret":
        said["key"] = os.environ.get("EVALCORE_API_KEY")
        said["hidden"] = [value for name, value in os.environ.items() if name.startswith("EVALCORE_SERVICE_")]
    (folder / "said.json").write_text(json.dumps(said))
    print(json.dumps(said))
    if does.startswith("ends:") and does != "ends:0":
        print("evalcore: it went wrong\n  in two lines", file=sys.stderr)
    return int(does[5:]) if does.startswith("ends:") else 0


def interrupted(number: int, frame: object) -> None:
    sys.exit(130)


def tell(folder: Path, fraction: float) -> None:
    figures = {
        "event": "figures", "at": time.time(), "elapsed_s": 1.0, "folder": str(folder), "done": int(10 * fraction),
        "planned": 10, "fraction": fraction, "left_s": 0.0, "in_flight": 1, "output_tokens": 5, "ok": 4, "failed": 1,
        "histograms": {"ttft": {"counts": [1] * 16, "sum_ms": 5.0}},
    }  # fmt: skip
    with Path(os.environ["PERFBENCH_PROGRESS_FILE"]).open("ab") as file:
        file.write(json.dumps(figures, separators=(",", ":")).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
