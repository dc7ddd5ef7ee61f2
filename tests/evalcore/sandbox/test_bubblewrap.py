"""The sandbox, against programs that mean harm. Each is contained, and none of them passes."""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evalcore.errors import SandboxError
from evalcore.sandbox.base import MIB, Limits, Program
from evalcore.sandbox.bubblewrap import Bubblewrap

needs_bwrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="no bwrap: apt-get install bubblewrap")
MANY_PROCESSES = """
import os, time
for i in range(4):
    if os.fork() == 0:
        x = b"1" * 100_000_000
        time.sleep(99)
time.sleep(99)
"""
FLOOD = """
import os
while True:
    for fd in range(3, 64):
        try:
            os.write(fd, bytes(9999))
        except OSError:
            pass
"""
BRIEF = Limits(wall_s=1.0, memory_bytes=256 * MIB)


async def run(source, limits=BRIEF):
    return await Bubblewrap().run(Program(source=source, limits=limits))


@needs_bwrap
async def test_a_harmless_program_passes():
    await Bubblewrap().check()
    result = await run("import math\nassert math.sqrt(4) == 2")
    assert (result.status, result.detail) == ("passed", "")


@needs_bwrap
@pytest.mark.parametrize(
    ("source", "detail"),
    [
        pytest.param("assert 1 == 2, 'no'", "AssertionError: no", id="an exception"),
        pytest.param("def (", "SyntaxError", id="no Python"),
        pytest.param("\0", "null bytes", id="a null byte"),
        pytest.param("\ud800", "", id="half a character"),
        pytest.param("raise SystemExit(0)", "SystemExit", id="sys.exit(0) is not the end of the tests"),
        pytest.param("import os; os._exit(0)", "before its last line", id="nor is os._exit(0)"),
        pytest.param("import os; os.kill(os.getpid(), 9)", "before its last line", id="kills itself"),
        pytest.param("import ctypes; ctypes.string_at(0)", "exit status 139", id="crashes the interpreter"),
        pytest.param("input()", "EOFError", id="asks for input"),
        pytest.param("f = lambda: f()\nf()", "RecursionError", id="recurses"),
        pytest.param("class E(Exception):\n __str__ = 0\nraise E", "E", id="an exception without a text"),
        pytest.param("import os; os.kill(os.getppid(), 9)\nassert 0", "", id="kills its parent"),
        pytest.param("import os; os.kill(-1, 9)\nassert 0", "", id="kills everybody"),
        pytest.param("import os\nwhile True: os.fork()", "BlockingIOError", id="fork bomb"),
        pytest.param("x = bytearray(10**10)", "MemoryError", id="one huge block of memory"),
        pytest.param("x = []\nwhile True: x.append(bytearray(10**7))", "MemoryError", id="fills memory"),
        pytest.param(
            MANY_PROCESSES,
            "256 MiB are not enough",
            id="fills memory with many processes",
        ),
        pytest.param(
            "f = open('/tmp/x', 'wb')\nwhile True: f.write(bytes(10**6))", "File too large", id="one huge file"
        ),
        pytest.param(
            "for i in range(10**6): open(f'/tmp/{i}', 'wb').write(bytes(10**7))", "No space left", id="fills the disk"
        ),
        pytest.param(
            "for i in range(10**6): open(f'/dev/shm/{i}', 'wb').write(bytes(10**7))",
            "No space left",
            id="fills /dev/shm",
        ),
        pytest.param("open('/usr/x', 'w')", "", id="writes to the system"),
        pytest.param("open('/x', 'w')", "", id="writes to the root folder"),
        pytest.param("open('/dev/x', 'w')", "", id="writes to /dev"),
        pytest.param(
            "import socket; socket.create_connection(('192.0.2.1', 80), 5)", "unreachable", id="opens a socket"
        ),
        pytest.param("import os; os.setuid(0)\nassert os.getuid() == 0, 'kept'", "", id="becomes root"),
        pytest.param(
            "import ctypes\nlibc = ctypes.CDLL(None)\nassert libc.unshare(0x10000000) == 0, 'refused'",
            "refused",
            id="makes a user namespace",
        ),
        pytest.param(
            "import ctypes\nassert ctypes.CDLL(None).shmget(0, 9999, 512) >= 0, 'refused'", "refused", id="shmget"
        ),
        pytest.param("import os\nfor i in range(99): os.dup(0)", "Too many open files", id="opens everything"),
        pytest.param("open('/etc/passwd').read()", "No such file", id="reads the accounts"),
        pytest.param("open('/proc/1/environ').read()", "No such file", id="reads the environment of another process"),
    ],
)
async def test_fails(source, detail):
    result = await run(source)
    assert result.status == "failed" and detail in result.detail, result


@needs_bwrap
@pytest.mark.parametrize(
    "source",
    [
        pytest.param("import time; time.sleep(1000)", id="sleeps for ever"),
        pytest.param("while True: pass", id="computes for ever"),
        pytest.param(
            "import os\nwhile True:\n try: os.fork()\n except OSError: pass", id="fork bomb that does not give up"
        ),
        pytest.param(
            "import signal, time\nsignal.pthread_sigmask(0, range(1, 32))\ntime.sleep(1000)", id="blocks signals"
        ),
        pytest.param(
            FLOOD,
            id="floods every pipe",
        ),
    ],
)
async def test_times_out(source):
    result = await run(source)
    assert result.status == "timeout" and "1 s" in result.detail


@needs_bwrap
async def test_the_home_folder_and_the_environment_are_out_of_sight(tmp_path, monkeypatch):
    secret = Path.home() / ".evalcore-sandbox-test"
    monkeypatch.setenv("EVALCORE_SECRET", "hidden")
    secret.write_text("hidden")
    try:
        source = f"import os\nassert not os.path.exists({str(secret)!r}) and not os.path.exists({str(tmp_path)!r})\n"
        result = await run(f"{source}assert 'hidden' not in os.environ.values() and os.environ['HOME'] == '/tmp'")
    finally:
        secret.unlink()
    assert result.status == "passed", result


@needs_bwrap
async def test_nothing_of_a_program_outlives_it():
    mark = f"evalcore{os.getpid()}"
    daemon = (
        f"import os, time\nif os.fork() == 0:\n os.setsid()\n os.execv('/usr/bin/env', ['{mark}', 'sleep', '1000'])\n"
    )
    assert (await run(daemon)).status == "passed"
    assert (await run(f"{daemon}time.sleep(1000)")).status == "timeout"
    assert subprocess.run(["pgrep", "-f", "sleep 1000"], check=False).returncode == 1  # noqa: ASYNC221 - brief


@needs_bwrap
async def test_a_cancelled_run_ends_its_program():
    before = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await run("import time; time.sleep(1000)", Limits(wall_s=100.0))
    assert time.monotonic() - before < 60


@needs_bwrap
async def test_hostile_programs_beside_honest_ones_change_nothing_for_those():
    hostile = "import os\nwhile True:\n try: os.fork()\n except OSError: pass"
    sandbox = Bubblewrap(at_once=4)
    sources = [hostile, *["import os\nif os.fork() == 0: os._exit(0)\nos.wait()"] * 6, hostile]
    programs = [Program(source=source, limits=Limits(wall_s=5.0)) for source in sources]
    results = await asyncio.gather(*map(sandbox.run, programs))
    assert [result.status for result in results] == ["timeout", *["passed"] * 6, "timeout"]


async def test_without_bwrap_it_refuses_and_says_how_to_get_it():
    with pytest.raises(SandboxError, match="apt-get install bubblewrap"):
        await Bubblewrap(bwrap="bwrap-that-is-not-here").run(Program(source="pass"))


async def test_a_sandbox_that_does_not_start_is_no_failed_program(tmp_path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho no permission to make namespaces >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(SandboxError, match=r"no permission to make namespaces.*SYS_ADMIN"):
        await Bubblewrap(bwrap=str(broken)).run(Program(source="pass"))


AS_ANOTHER_USER = """
import asyncio
from evalcore.sandbox.base import Limits, Program
from evalcore.sandbox.bubblewrap import Bubblewrap
async def main():
    sandbox = Bubblewrap()
    await sandbox.check()
    for source in ("pass", "import os\\nwhile True: os.fork()", "open('/x', 'w')", "open('/home/x', 'w')"):
        print((await sandbox.run(Program(source=source, limits=Limits(wall_s=2.0)))).status)
asyncio.run(main())
"""


@needs_bwrap
@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="as root only: everybody else has this from all tests above")
def test_it_works_for_an_ordinary_user_too(tmp_path):
    python = next((path for path in ("/usr/bin/python3",) if Path(path).exists()), sys.executable)
    packages = tmp_path / "packages"
    packages.mkdir()
    root = Path(__file__).parents[3]
    for package in ("evalcore", "perfbench"):
        shutil.copytree(root / package, packages / package)
    for package in ("msgspec", "orjson"):
        found = Path(__import__(package).__file__).parent
        shutil.copytree(found, packages / package)
    subprocess.run(["chmod", "-R", "a+rX", str(tmp_path)], check=True)
    for parent in list(tmp_path.parents)[:-2]:
        parent.chmod(parent.stat().st_mode | 0o011)
    told = subprocess.run(
        [python, "-c", AS_ANOTHER_USER],
        env={"PYTHONPATH": str(packages), "PATH": os.environ["PATH"]},
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    if "ModuleNotFoundError" in told.stderr:
        pytest.skip("no interpreter here that another user may run")
    assert told.stdout.split() == ["passed", "failed", "failed", "failed"], told.stderr
