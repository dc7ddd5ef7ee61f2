"""Security: who is answered, what a body may name, and that keys are seen by nobody."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from urllib.parse import urlsplit

import pytest

from evalcore.service import security
from evalcore.service.permitted import matches
from evalcore.service.settings import Settings, check
from perfbench.engine.errors import ScenarioError
from tests.evalcore.service.serving import AT_ONCE, SCENARIO, TASK, serving

TOKEN = "correct-horse-battery"


@pytest.mark.parametrize(
    "path",
    ["/", "/api/v1/jobs", "/api/v1/runs", "/metrics", "/docs", "/openapi.json", "/api/v1/benchmarks", "/nothing"],
)
async def test_without_the_token_nothing_is_told(tmp_path, path):
    async with serving(tmp_path / "outputs", token=TOKEN) as client:
        for headers in (
            {},
            {"Authorization": f"Bearer {TOKEN}x"},
            {"Authorization": TOKEN},
            {"Cookie": "evalcore_session=1.a"},
        ):
            async with client.session.get(client.base + path, headers=headers, allow_redirects=False) as response:
                assert response.status in (401, 302, 303)
                assert response.status == 401 or urlsplit(response.headers["Location"]).path == "/login"
        if path != "/":
            async with client.session.get(client.base + path, headers={"Authorization": f"Bearer {TOKEN}"}) as response:
                assert response.status == (404 if path == "/nothing" else 200)


async def test_health_tells_a_stranger_no_more_than_that_it_lives(tmp_path):
    async with serving(tmp_path / "outputs", token=TOKEN) as client:
        assert set((await client.get("/health")).values()) == {"ok", None}
        known = await client.get("/health", headers={"Authorization": f"Bearer {TOKEN}"})
        assert known["running"] == 0


async def test_a_login_gives_a_cookie_that_no_script_sees_and_no_other_site_sends(tmp_path):
    async with serving(tmp_path / "outputs", token=TOKEN) as client:
        assert (await client.ask("POST", "/api/v1/login", {"token": "wrong"}))[0] == 401
        async with client.session.post(f"{client.base}/api/v1/login", json={"token": TOKEN}) as response:
            assert response.status == 200
            cookie = response.cookies[security.COOKIE]
        assert TOKEN not in cookie.value
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")
        headers = {"Cookie": f"{security.COOKIE}={cookie.value}"}
        assert (await client.get("/api/v1/jobs", headers=headers))["total"] == 0


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        pytest.param(security.new_session(TOKEN, 1000.0), True, id="one of ours"),
        pytest.param(security.new_session("another-token-of-old", 1000.0), False, id="of another token"),
        pytest.param(security.new_session(TOKEN, 1000.0 - security.COOKIE_AGE_S), False, id="too old"),
        pytest.param("99999999999." + security.new_session(TOKEN, 1000.0).partition(".")[2], False, id="lengthened"),
        pytest.param("", False, id="none"),
        pytest.param("é.\udcff", False, id="no ASCII"),
    ],
)
def test_a_cookie_is_believed_by_its_signature(value, is_one):
    assert security.is_session(value, TOKEN, 1001.0) is is_one


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Origin": "http://evil.example"}, 403, id="another site's page"),
        pytest.param({"Origin": "null"}, 403, id="a page without a site"),
        pytest.param({"Origin": "https://{host}"}, 403, id="another scheme"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, 403, id="told by the browser"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, 403, id="a neighbour on this host"),
        pytest.param({"Host": "evil.example"}, 421, id="a name that was pointed at us"),
        pytest.param({"Host": "127.0.0.1.evil.example:80"}, 421, id="a name that looks like an address"),
        pytest.param({"Host": "192.0.2.7"}, 421, id="an address that is not bound"),
        pytest.param({"Origin": "http://{host}", "Sec-Fetch-Site": "same-origin"}, 202, id="our own page"),
        pytest.param({"Sec-Fetch-Site": "none"}, 202, id="typed by the user"),
        pytest.param({"Host": "localhost:1"}, 202, id="through a tunnel"),
        pytest.param({}, 202, id="no browser"),
    ],
)
async def test_other_sites_pages_start_nothing(tmp_path, headers, status):
    async with serving(tmp_path / "outputs") as client:
        given = {name: value.format(host=urlsplit(client.base).netloc) for name, value in headers.items()}
        found, problem = await client.ask(
            "POST", "/api/v1/eval", {**TASK, "model": "ends:0"}, headers={**AT_ONCE, **given}
        )
        assert found == status, problem
        assert (await client.get("/api/v1/jobs"))["total"] == (status == 202)


@pytest.mark.parametrize(
    ("origin", "status"),
    [("https://eval.example.org", 200), ("http://eval.example.org", 200), ("https://example.org", 403)],
)
async def test_behind_a_proxy_that_speaks_tls_its_name_is_ours(tmp_path, origin, status):
    async with serving(tmp_path / "outputs", allow_hosts=("eval.example.org",)) as client:
        headers = {"Host": "eval.example.org", "Origin": origin}
        assert (await client.ask("GET", "/api/v1/jobs", headers=headers))[0] == status


async def test_a_link_from_another_site_opens_a_page(tmp_path):
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    async with serving(tmp_path / "outputs") as client:
        assert (await client.ask("GET", "/docs", headers=headers))[0] == 200
        assert (await client.ask("DELETE", "/api/v1/runs/x", headers=headers))[0] == 403


async def test_every_answer_says_what_a_browser_may_do_with_it(tmp_path):
    async with serving(tmp_path / "outputs") as client:
        for path in ("/health", "/api/v1/runs/none", "/docs", "/nothing"):
            async with client.session.get(client.base + path) as response:
                policy = response.headers["Content-Security-Policy"]
                assert "unsafe" not in policy
                assert "default-src 'none'" in policy
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "id",
    [
        "..", "../..", "..%2f..%2fetc", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/etc", "%2Fetc%2Fpasswd", ".service",
        "jobs", "secret", "a%00b", "a%0d%0aX: y", "x" * 5000, "%ff%fe", "' OR 1=1 --", "~", "*", "<script>",
    ],
)  # fmt: skip
async def test_ids_are_looked_up_and_never_paths(tmp_path, id):
    outputs = tmp_path / "outputs"
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "summary.json").write_text("{}")
    async with serving(outputs) as client:
        for path in ("runs/{}", "runs/{}/summary", "runs/{}/report", "runs/{}/samples", "runs/{}/requests", "jobs/{}",
                     "jobs/{}/log", "jobs/{}/events"):  # fmt: skip
            status, found = await _raw(client, "GET", "/api/v1/" + path.format(id))
            assert status in (400, 404), (path, found)
        assert (await _raw(client, "DELETE", f"/api/v1/runs/{id}"))[0] in (400, 404, 405)
    assert (tmp_path / "secret" / "summary.json").exists()
    assert (outputs / ".service" / "service.sqlite").exists()


async def _raw(client, method: str, target: str, headers: bytes = b"", body: bytes = b"") -> tuple[int, bytes]:
    """A request whose target no client library has tidied up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.server.port)
    line = f"{method} {target.replace(' ', '%20')} HTTP/1.1\r\n".encode("latin-1")
    writer.write(line + b"Host: 127.0.0.1\r\nConnection: close\r\n" + headers + b"\r\n" + body)
    data = await reader.read()
    writer.close()
    return int(data.split()[1]), data


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    async with serving(tmp_path / "outputs") as client:
        status, _ = await _raw(client, "POST", "/api/v1/eval", b"Content-Length: 100000000\r\n", b"x" * 1000)
        assert status == 413

        async def endless():
            for _ in range(1000):
                yield b"x" * 100_000

        with contextlib.suppress(OSError):  # it was cut off while it was still sending
            async with client.session.post(f"{client.base}/api/v1/perf", data=endless()) as response:
                assert response.status == 413
                assert (await response.json(content_type=None))["status"] == 413
        assert (await client.get("/api/v1/jobs"))["total"] == 0


async def test_a_body_and_a_head_that_come_too_slowly_are_not_waited_for(tmp_path):
    async with serving(tmp_path / "outputs", body_timeout_s=0.5) as client:
        status, data = await asyncio.wait_for(
            _raw(client, "POST", "/api/v1/eval", b"Content-Length: 100\r\n", b'{"model"'), 10
        )
        assert status == 408, data
        reader, writer = await asyncio.open_connection("127.0.0.1", client.server.port)
        writer.write(b"GET /health HTTP/1.1\r\nHost: 127")
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
        assert (await client.get("/health"))["status"] == "ok"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"", 400, id="nothing"),
        pytest.param(b"{", 400, id="no JSON"),
        pytest.param(b"\xff\xfe", 400, id="no text"),
        pytest.param(b"[1]", 422, id="no object"),
        pytest.param(b"null", 422, id="null"),
        pytest.param(b'{"a":' * 3000 + b"1" + b"}" * 3000, 400, id="too deep"),
        pytest.param(b'{"model":"\\ud800"}', 400, id="half a character"),
    ],
)
async def test_what_is_no_task_is_told_so(tmp_path, body, status):
    async with serving(tmp_path / "outputs") as client:
        found, problem = await client.ask("POST", "/api/v1/eval", data=body)
        assert (found, problem["status"]) == (status, status)


SECRET = "sk-very-secret-0123456789"
KEYS = [
    pytest.param("eval", {**TASK, "api_key": SECRET}, id="the key of an evaluation"),
    pytest.param("perf", {**SCENARIO, "api_key": SECRET}, id="the key of a load test"),
    pytest.param("perf", {**SCENARIO, "headers": {"Authorization": f"Bearer {SECRET}", "X-Run": "7"}}, id="a header"),
    pytest.param("perf", {**SCENARIO, "headers": [f"X-Api-Key={SECRET}"]}, id="a header as a flag would have it"),
    pytest.param("perf", {**SCENARIO, "extra_args": json.dumps({"token": SECRET})}, id="JSON in a text"),
    pytest.param("perf", {**SCENARIO, "extra_body": {"nested": [{"password": SECRET}]}}, id="deep in a body"),
    pytest.param("eval", {**TASK, "judge_strategy": "llm", "judge_model_args": {
        "model_id": "judge", "api_url": "http://127.0.0.1:9", "api_key": SECRET}}, id="a judge's key"),
    pytest.param("eval", {**TASK, "judge_strategy": "llm", "judge_model_args": [
        {"model_id": "a", "api_url": "http://127.0.0.1:9", "default_headers": {"Authorization": SECRET}}]},
        id="a judge's header"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "body"), KEYS)
async def test_keys_are_in_the_environment_of_the_job_and_nowhere_else(tmp_path, kind, body):
    outputs, seen = tmp_path / "outputs", []
    async with serving(outputs) as client:
        status, job = await client.ask("POST", f"/api/v1/{kind}", {**body, "model": "waits"}, headers=AT_ONCE)
        assert status == 202, job
        await client.until(job["id"], "running")
        environment = client.service.jobs._secrets[job["id"]]
        assert any(SECRET in value for value in environment.values())
        for path in (f"jobs/{job['id']}", "jobs", "runs", f"jobs/{job['id']}/log"):
            seen.append(json.dumps(await client.get(f"/api/v1/{path}")))
        task = (outputs / ".service" / "jobs" / job["id"] / "task.yaml").read_text()
        assert ("REDACTED" if "api_key" in body else "${EVALCORE_SERVICE_SECRET_1}") in task
    for file in outputs.rglob("*"):
        seen.append(file.read_bytes().decode("latin-1") if file.is_file() else file.name)
    assert not [text for text in seen if SECRET in text]


async def test_a_job_finds_its_key_where_its_command_looks(tmp_path):
    async with serving(tmp_path / "outputs", token=TOKEN) as client:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        _, job = await client.ask(
            "POST", "/api/v1/eval", {**TASK, "model": "secret", "api_key": SECRET}, headers=headers
        )
        said = json.loads((tmp_path / "outputs" / f"run-{job['id']}" / "said.json").read_text())
    assert (said["key"], said["hidden"]) == (SECRET, [])


async def test_going_on_asks_for_keys_that_are_lost(tmp_path):
    body = {**TASK, "model": "waits", "api_key": SECRET}
    async with serving(tmp_path / "outputs", max_jobs=1) as client:
        running = await client.start("waits")
        _, job = await client.ask("POST", "/api/v1/eval", body, headers=AT_ONCE)
        assert job["status"] == "queued"
        await client.until(running["id"], "running")
    async with serving(tmp_path / "outputs") as client:
        found = await client.get(f"/api/v1/jobs/{job['id']}")
        assert (found["status"], found["needs"]) == ("interrupted", ["api_key"])
        status, problem = await client.ask("POST", f"/api/v1/jobs/{job['id']}/resume")
        assert (status, problem["errors"][0]["key"]) == (422, "api_key")
        status, _ = await client.ask("POST", f"/api/v1/jobs/{job['id']}/resume", {"api_key": SECRET})
        assert status == 202
        assert (await client.until(job["id"], "running"))["needs"] == []


@pytest.mark.parametrize(
    ("kind", "body", "key"),
    [
        ("perf", {"prompt": "@/etc/passwd"}, "prompt"),
        ("perf", {"prompt": ["hello", "@../../etc/passwd"]}, "prompt.1"),
        ("perf", {"api_key_file": "/etc/passwd"}, "api_key_file"),
        ("perf", {"prompts_file": "/etc/passwd"}, "prompts_file"),
        ("perf", {"workload": "/etc/mix.yaml"}, "workload"),
        ("perf", {"mix": {"a": {"prompts_file": "/etc/passwd"}}}, "mix.a.prompts_file"),
        ("perf", {"mix": '{"a": {"prompt": "@/etc/passwd"}}'}, "mix.a.prompt"),
        ("perf", {"api_key_env": "AWS_SECRET_ACCESS_KEY"}, "api_key_env"),
        ("perf", {"outputs_dir": "/etc"}, "outputs_dir"),
        ("eval", {"work_dir": "/etc"}, "work_dir"),
        ("eval", {"use_cache": "/etc"}, "use_cache"),
        ("eval", {"cache": "/etc"}, "cache"),
        ("eval", {"dataset_dir": "/etc"}, "dataset_dir"),
        ("eval", {"dataset_args": {"gsm8k": {"local_path": "/etc/passwd"}}}, "dataset_args.gsm8k.local_path"),
        ("eval", {"dataset_args": '{"gsm8k": {"local_path": "/etc/passwd"}}'}, "dataset_args.gsm8k.local_path"),
        ("eval", {"dataset_args": ['gsm8k={"local_path":"/etc/passwd"}']}, "dataset_args.gsm8k.local_path"),
    ],
)  # fmt: skip
async def test_files_outside_the_permitted_folders_are_not_read(tmp_path, kind, body, key):
    async with serving(tmp_path / "outputs") as client:
        given = {**(TASK if kind == "eval" else SCENARIO), "model": "m", **body}
        status, problem = await client.ask("POST", f"/api/v1/{kind}", given, headers=AT_ONCE)
        assert (status, [error["key"] for error in problem["errors"]]) == (422, [key]), problem


async def test_files_in_the_permitted_folders_are_read(tmp_path):
    (tmp_path / "qa.jsonl").write_text("{}\n")
    async with serving(tmp_path / "outputs") as client:
        path = str(tmp_path / "qa.jsonl")
        job = await client.start("ends:0", dataset_args={"gsm8k": {"local_path": path}})
        assert job["description"]["dataset_args"]["gsm8k"]["local_path"] == path


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("perf", {"url": "http://evil.example/v1"}),
        ("perf", {"url": ["http://127.0.0.1:9/v1", "http://evil.example/v1"]}),
        ("perf", {"server_metrics": "http://evil.example/metrics"}),
        ("eval", {"api_url": "https://evil.example"}),
        ("eval", {"api_url": "http://127.0.0.1:9@evil.example"}),
        ("eval", {"judge_strategy": "llm", "judge_model_args": {"model_id": "j", "api_url": "http://evil.example"}}),
        ("perf", {"transport": "sdk", "model_args": {"base_url": "http://evil.example"}}),
    ],
)
async def test_targets_that_match_no_pattern_are_not_asked(tmp_path, kind, body):
    async with serving(tmp_path / "outputs", allow_urls=("http://127.0.0.1:*",)) as client:
        given = {**(TASK if kind == "eval" else SCENARIO), "model": "ends:0"}
        assert (await client.ask("POST", f"/api/v1/{kind}", given, headers=AT_ONCE))[0] == 202
        assert (await client.ask("POST", f"/api/v1/{kind}", {**given, **body}, headers=AT_ONCE))[0] == 403
        assert (await client.ask("POST", "/api/v1/perf", {"url": "simulator"}, headers=AT_ONCE))[0] == 202


@pytest.mark.parametrize(
    ("pattern", "url", "is_one"),
    [
        ("http://127.0.0.1:*", "http://127.0.0.1:8000/v1", True),
        ("http://127.0.0.1:*", "http://127.0.0.1.evil.example/v1", False),
        ("http://127.0.0.1:*", "https://127.0.0.1/v1", False),
        ("https://*.example.org", "https://api.example.org/v1", True),
        ("https://*.example.org", "https://api.example.org:8443/v1", False),
        ("https://*.example.org", "https://example.org.evil/v1", False),
        ("https://*.example.org", "https://evil/.example.org", False),
        ("https://*.example.org", "https://evil?.example.org", False),
        ("api.example.org", "http://user@api.example.org/x", True),
        ("http://a/v1", "http://a/v1/chat", True),
        ("http://a/v1", "http://a/v10", False),
        ("[::1]:*", "http://[::1]:8000", True),
        ("*", "http://anything:1", True),
    ],
)
def test_a_pattern_is_compared_part_by_part(pattern, url, is_one):
    assert matches(url, (pattern,)) is is_one


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param({"host": "0.0.0.0"}, "give --token", id="a bind for others needs a token"),
        pytest.param({"host": "example.org"}, "give --token", id="a name is taken for others'"),
        pytest.param({"host": "0.0.0.0", "token": "short"}, "16", id="a token that can be guessed"),
        pytest.param({"token": "has a blank in the middle"}, "blank", id="a token that no header carries"),
        pytest.param({"max_jobs": 0}, "--max-jobs", id="no jobs at all"),
    ],
)
def test_what_cannot_be_served_is_refused_at_the_start(tmp_path, given, words):
    with pytest.raises(ScenarioError, match=words):
        check(Settings(outputs=tmp_path, **given))


@pytest.mark.parametrize("given", [{}, {"host": "::1"}, {"host": "0.0.0.0", "token": TOKEN}])
def test_what_can_be_served_is(tmp_path, given):
    check(Settings(outputs=tmp_path, **given))


def test_a_wrong_token_takes_as_long_as_a_right_one():
    """Not measured, which would be noise: all of them go through the comparison that is made for it."""
    calls = []
    original = security.hmac.compare_digest
    try:
        security.hmac.compare_digest = lambda a, b: calls.append((a, b)) or original(a, b)
        for given in ("", TOKEN, TOKEN[:-1], "é" * 50):
            security.is_token(given, TOKEN)
            security.is_session(given, TOKEN, time.time())
    finally:
        security.hmac.compare_digest = original
    assert len(calls) == 8
