"""The docker sandbox, against a stand-in that notes what it is told and runs the program without any container."""

import asyncio
import json
import sys
import time
from pathlib import Path

import pytest

from evalcore.errors import SandboxError, TaskError
from evalcore.sandbox.base import MIB, Limits, Program
from evalcore.sandbox.docker import Docker
from evalcore.sandbox.table import SANDBOXES
from evalcore.task import TaskConfig

STANDIN = """#!{python}
import json, os, signal, subprocess, sys
from pathlib import Path
folder, words = Path(__file__).parent, sys.argv[1:]
with open(folder / "told.jsonl", "a") as told:
    told.write(json.dumps(words) + "\\n")
def state(name):
    file = folder / name
    return file.read_text() if file.exists() else ""
if words[0] == "version":
    if state("no_daemon"):
        sys.exit("Cannot connect to the Docker daemon. Is it running?")
    print("27.0")
elif words[:2] == ["image", "inspect"]:
    if words[-1] != "python:3.11-slim" and words[-1] != "mine":
        sys.exit("Error: No such image: " + words[-1])
elif words[0] == "run":
    if state("refuses"):
        sys.exit("docker: Error response from daemon: no more containers")
    name = words[words.index("--name") + 1]
    image = words.index("-I") - 1
    child = subprocess.Popen([{python!r}, *words[image + 1:]])
    (folder / name).write_text(str(child.pid))
    sys.exit(137 if (status := child.wait()) == -9 else status)
elif words[0] == "kill":
    os.kill(int(state(words[1])), signal.SIGKILL)
"""


@pytest.fixture
def docker(tmp_path: Path) -> Docker:
    program = tmp_path / "docker"
    program.write_text(STANDIN.format(python=sys.executable))
    program.chmod(0o755)
    return Docker(command=str(program))


def told(docker: Docker) -> list[list[str]]:
    assert docker.command is not None
    return [json.loads(line) for line in (Path(docker.command).parent / "told.jsonl").read_text().splitlines()]


def ends(docker: Docker) -> list[tuple[str, str]]:
    """What was said of containers by name, after they began."""
    return [(words[0], words[-1]) for words in told(docker) if words[0] in ("kill", "rm")]


def say(docker: Docker, what: str) -> None:
    assert docker.command is not None
    (Path(docker.command).parent / what).write_text("yes")


async def test_a_container_gets_its_limits_and_nothing_else(docker):
    limits = Limits(memory_bytes=512 * MIB, processes=7, disk_bytes=9 * MIB, open_files=33)
    result = await docker.run(Program(source="assert True", limits=limits))
    (words,) = told(docker)
    assert result.status == "passed"
    for flag, value in {
        "--network": "none", "--memory": str(512 * MIB), "--memory-swap": str(512 * MIB), "--pids-limit": "7",
        "--cap-drop": "ALL", "--security-opt": "no-new-privileges", "--user": "65534:65534", "--ulimit": "nofile=33:33",
        "--pull": "never", "--ipc": "private", "--tmpfs": f"/tmp:rw,nosuid,nodev,size={9 * MIB},mode=1777",
    }.items():  # fmt: skip
        assert words[words.index(flag) + 1] == value, flag
    assert {"--read-only", "--rm", "--interactive"} <= set(words)
    assert not {"--privileged", "--volume", "-v", "--mount", "--publish", "-p", "--pid"} & set(words)
    assert words[words.index("-I") - 1] == "python:3.11-slim"
    assert not any("assert True" in word for word in words), "programs come by stdin, where no argument list shows them"


@pytest.mark.parametrize(
    ("source", "status", "detail"),
    [
        pytest.param("assert 1 == 2, 'no'", "failed", "AssertionError: no", id="an exception"),
        pytest.param("import os; os._exit(0)", "failed", "before its last line: exit status 0", id="an early end"),
        pytest.param("import os; os.kill(os.getpid(), 9)", "failed", "may not have been enough", id="out of memory"),
        pytest.param("print('x' * 100_000)", "passed", "", id="noise"),
    ],
)
async def test_what_a_program_does_is_its_own_affair(docker, source, status, detail):
    result = await docker.run(Program(source=source))
    assert result.status == status and detail in result.detail, result
    assert ends(docker) == []


async def test_a_program_that_never_ends_is_killed_by_the_name_of_its_container(docker):
    result = await docker.run(Program(source="import time; time.sleep(1000)", limits=Limits(wall_s=0.3)))
    began = told(docker)[0]
    name = began[began.index("--name") + 1]
    assert result.status == "timeout" and "0.3 s" in result.detail
    assert ends(docker) == [("kill", name), ("rm", name)]


async def test_a_cancelled_run_ends_its_container(docker):
    before = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):
            await docker.run(Program(source="import time; time.sleep(1000)", limits=Limits(wall_s=100.0)))
    assert time.monotonic() - before < 60
    assert [word for word, _ in ends(docker)] == ["kill", "rm"]


async def test_names_of_containers_differ(docker):
    await asyncio.gather(*(docker.run(Program(source="pass")) for _ in range(3)))
    assert len({words[words.index("--name") + 1] for words in told(docker)}) == 3


async def test_a_check_passes_where_all_is_well(docker):
    await docker.check()
    assert [words[0] for words in told(docker)] == ["version", "image", "run"]


@pytest.mark.parametrize(
    ("state", "image", "message"),
    [
        pytest.param("no_daemon", "mine", r"does not answer: Cannot connect.*systemctl start docker", id="no daemon"),
        pytest.param("", "absent", r"sandbox_image 'absent' is not on this machine.*pull absent", id="no image"),
        pytest.param("refuses", "mine", r"does not start: .*no more containers", id="a daemon that refuses"),
    ],
)
async def test_a_check_says_what_is_missing_and_how_to_get_it(docker, state, image, message):
    if state:
        say(docker, state)
    with pytest.raises(SandboxError, match=message):
        await Docker(command=docker.command, image=image).check()


async def test_without_docker_it_refuses_and_says_how_to_get_it():
    with pytest.raises(SandboxError, match="no docker-that-is-not-here here: install docker or podman"):
        await Docker(command="docker-that-is-not-here").check()


async def test_podman_stands_in_where_there_is_no_docker(docker, tmp_path, monkeypatch):
    assert docker.command is not None
    only = tmp_path / "bin"
    only.mkdir()
    (only / "podman").symlink_to(docker.command)
    monkeypatch.setenv("PATH", str(only))
    assert (await Docker().run(Program(source="pass"))).status == "passed"


def test_a_task_chooses_its_sandbox():
    keys = {"model": "m", "api_url": "http://127.0.0.1:1/v1", "datasets": ["humaneval"]}
    task = TaskConfig.from_mapping({**keys, "sandbox": "docker", "sandbox_image": "mine"}, "test", environment={})
    chosen = SANDBOXES[task.sandbox](task.sandbox_image)
    assert isinstance(chosen, Docker) and chosen.image == "mine"
    assert TaskConfig.from_mapping(keys, "test", environment={}).sandbox == "bubblewrap"
    with pytest.raises(TaskError, match="sandbox_image"):
        TaskConfig.from_mapping({**keys, "sandbox_image": "mine"}, "test", environment={})


def test_every_sandbox_can_be_chosen():
    assert set(SANDBOXES) == set(TaskConfig.model_fields["sandbox"].annotation.__args__)
