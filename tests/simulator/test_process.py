"""The simulator as a process: it comes up, says where, and never outlives its parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from perfbench.engine.errors import ScenarioError
from perfbench.simulator.config import SimulatorConfig
from perfbench.simulator.process import SimulatorProcess

GIVE_UP_S = 60.0
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url):
    with direct.open(url, timeout=10) as answer:
        return answer.read()


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_answers_while_it_runs_and_is_gone_afterwards():
    with SimulatorProcess(SimulatorConfig(models=("tiny",))) as simulator:
        assert simulator.url.startswith("http://127.0.0.1:") and simulator.url.endswith("/v1")
        assert b'"tiny"' in get(f"{simulator.url}/models")
        pid = simulator.pid
    assert not is_alive(pid)
    with pytest.raises(urllib.error.URLError):
        get(f"{simulator.url}/models")
    simulator.stop()  # may be said again


def test_it_ends_with_a_stream_in_flight():
    with SimulatorProcess(SimulatorConfig(ttft_ms=0, itl_ms=1000, tokens=1000)) as simulator:
        body = b'{"model": "sim", "stream": true, "messages": [{"role": "user", "content": "x"}]}'
        answer = direct.open(urllib.request.Request(f"{simulator.url}/chat/completions", data=body), timeout=10)
        pid = simulator.pid
    assert not is_alive(pid)
    answer.close()


def test_ctrl_c_in_the_terminal_is_the_parents_business():
    with SimulatorProcess(SimulatorConfig()) as simulator:
        assert os.getsid(simulator.pid) != os.getsid(0)
        assert get(simulator.url.replace("/v1", "/health")) == b"ok"


def test_it_imports_nothing_from_the_folder_the_user_is_in(tmp_path, monkeypatch):
    for name in ("json", "aiohttp", "perfbench"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the wrong folder')")
    monkeypatch.chdir(tmp_path)
    with SimulatorProcess(SimulatorConfig()) as simulator:
        assert get(simulator.url.replace("/v1", "/health")) == b"ok"


def test_it_dies_with_its_parent():
    parent = subprocess.Popen(
        [
            sys.executable, "-c",
            "import time\n"
            "from perfbench.simulator.config import SimulatorConfig\n"
            "from perfbench.simulator.process import SimulatorProcess\n"
            "simulator = SimulatorProcess(SimulatorConfig()).__enter__()\n"
            "print(simulator.url, flush=True)\n"
            "time.sleep(600)\n",
        ],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert parent.stdout is not None
        url = parent.stdout.readline().decode().strip()
        assert get(f"{url}/models")
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        parent.stdout.close()
    give_up_s = time.monotonic() + GIVE_UP_S
    with pytest.raises(urllib.error.URLError):
        while time.monotonic() < give_up_s:
            get(f"{url}/models")
            time.sleep(0.02)


def test_a_port_that_is_taken_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ScenarioError, match=f"port {port}.*choose another"):
            SimulatorProcess(SimulatorConfig(port=port)).__enter__()


def test_a_key_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ScenarioError, match=r"none\.jsonl"):
        SimulatorProcess(SimulatorConfig(answer_key=tmp_path / "none.jsonl")).__enter__()


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import sys, perfbench.simulator\n"
        "heavy = {'aiohttp', 'uvloop', 'pydantic', 'numpy', 'asyncio'} & set(sys.modules)\n"
        "import perfbench.simulator.config, perfbench.simulator.process\n"
        "heavier = {'aiohttp', 'uvloop', 'numpy', 'asyncio'} & set(sys.modules)\n"
        "sys.exit(f'{heavy} {heavier}' if heavy or heavier else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_key_does_not_show_in_the_process_list():
    with SimulatorProcess(SimulatorConfig(api_key="hush")) as simulator:
        for name in ("cmdline", "environ"):
            assert b"hush" not in Path("/proc", str(simulator.pid), name).read_bytes()
