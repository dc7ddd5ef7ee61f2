"""Pages: what they say without a browser, that nothing foreign lives in them, and that they ask nobody else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from evalcore.run import run_task
from evalcore.service.pages.differing import differing
from evalcore.service.pages.doors import _of_ours
from evalcore.service.pages.rendering import Pager, shown
from evalcore.service.pages.start import fields_of, filled
from evalcore.service.schema import params
from evalcore.task import TaskConfig
from perfbench.report.summary import write_summary
from tests.evalcore.recorder import recorder
from tests.evalcore.service.serving import serving
from tests.report import made
from tests.report.runs import make_run
from tests.report.test_html import Parsed

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\u202e\x1b[31m"
LONG = "ab " * 50
TOKEN = "correct-horse-battery"
LOAD, SWEEP = "20250101_000000", "20250102_000000_sweep"
UNFINISHED, TORN = "20250103_000000", "20250104_000000_sweep"
BROWSER = {"Accept": "text/html,*/*"}
ROWS = [
    {"id": f"q{number}", "question": f"Number {number}? {HOSTILE}", "answer": "yes" if number else HOSTILE}
    for number in range(25)
]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory) -> Path:
    """Two evaluations of the same 25 questions, whose model says what should not be believed, a load test, a sweep."""
    place = tmp_path_factory.mktemp("pages")
    file = place / "qa.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))

    def poor(question: str) -> str:
        return HOSTILE if "Number 1?" in question or "Number 5?" in question else "yes"

    for text in (poor, lambda question: "yes"):
        with recorder(text=text) as server:
            given = {
                "model": "m", "api_url": server.url, "datasets": ["general_qa"], "work_dir": str(place / "outputs"),
                "dataset_args": {"general_qa": {"local_path": str(file)}},
            }  # fmt: skip
            run_task(TaskConfig.from_mapping(given, "test", environment={}))
    folder = make_run(place / "outputs" / LOAD, 120, words=HOSTILE, slo="p99 ttft < 500ms")
    write_summary(folder)
    sweep = place / "outputs" / SWEEP
    sweep.mkdir()
    (sweep / "sweep.json").write_text(json.dumps(made.plain(made.sweep(words=HOSTILE))))
    make_run(place / "outputs" / UNFINISHED, 40)
    (place / "outputs" / TORN).mkdir()
    (place / "outputs" / TORN / "sweep.json").write_text('{"schema": 1, "points": [')
    return place / "outputs"


async def page_of(client: Any, path: str, status: int = 200) -> Parsed:
    async with client.session.get(client.base + path, headers=BROWSER) as response:
        text = await response.text()
        if "Refresh" in response.headers:  # it is being made; a browser asks again
            return await page_of(client, path, status)
        assert response.status == status, text[:500]
        assert response.content_type == "text/html"
        assert "script-src 'self'; style-src 'self'" in response.headers["Content-Security-Policy"]
    return Parsed(text)


async def test_nothing_foreign_becomes_markup_and_no_page_asks_anybody_else(outputs):
    async with serving(outputs) as client:
        found = (await client.get("/api/v1/runs?descending=false"))["runs"]
        first, second = (run["id"] for run in found if run["kind"] == "eval")
        load, sweep = LOAD, SWEEP
        samples = (await client.get(f"/api/v1/runs/{first}/samples"))["samples"]
        paths = {
            "/": "Runs", "/?q=nowhere&kind=&status=": "No run matches", f"/runs/{first}": "general_qa",
            f"/runs/{first}/samples?verdict=wrong": "reference",
            f"/runs/{first}/samples/{samples[1]['key']}": "read out of the answer",
            f"/runs/{first}/requests": "TTFT, ms", f"/runs/{load}": "Latency", f"/runs/{sweep}": "Every load",
            f"/runs/{load}/requests?outcome=failed&sort=e2e_ms&descending=true": "what went wrong",
            f"/compare?a={first}&b={second}": "flips", f"/compare?run={load}&run={load}": "Every figure",
            f"/compare?a={first}": "Compare two runs", "/jobs": "Jobs", "/start": "The same at a shell",
            f"/start?kind=perf&run={load}": "The same at a shell", "/benchmarks?q=math": "aime24", "/login": "Token",
        }  # fmt: skip
        for path, said in paths.items():
            page = await page_of(client, path)
            assert said in page.words(), path
            scripts = [attributes for tag, attributes in page.tags if tag == "script"]
            assert all("src" in one or one.get("type") == "application/json" for one in scripts), path
            assert [tag for tag, _ in page.tags if tag in ("img", "iframe", "style", "object", "embed")] == [], path
            for tag, attributes in page.tags:
                assert not any(name.startswith("on") or name == "style" for name in attributes), (path, tag, attributes)
                for name in ("src", "href", "action"):
                    assert re.match(r"/(?!/)|#|$", attributes.get(name) or "/"), (path, attributes)
            assert not set("".join(page.text)) & {"\x1b", "\u202e", "\u2028"}, path


async def test_a_sweep_leads_to_its_runs_and_of_what_is_not_whole_there_is_what_there_is(outputs):
    async with serving(outputs) as client:
        page = await page_of(client, f"/runs/{SWEEP}")
        links = [attributes.get("href") or "" for tag, attributes in page.tags if tag == "a"]
        assert any(href.startswith(f"/runs/{SWEEP}~") for href in links)
        assert "cannot be read" in (await page_of(client, f"/runs/{TORN}", 409)).words()
        kept = len(list((outputs / ".service" / "pages").glob("*")))
        unfinished = (await page_of(client, f"/runs/{UNFINISHED}")).words()
        assert "unfinished" in unfinished
        assert "of 40 sent" in unfinished.replace("\u202f", " ")
        assert len(list((outputs / ".service" / "pages").glob("*"))) == kept  # it may still grow


async def test_the_samples_are_filtered_and_tell_what_was_read_and_what_was_right(outputs):
    async with serving(outputs) as client:
        first = (await client.get("/api/v1/runs?kind=eval&descending=false"))["runs"][0]["id"]
        everything = await page_of(client, f"/runs/{first}/samples?q=&subset=")
        wrong = await page_of(client, f"/runs/{first}/samples?verdict=wrong")
        verdicts = [one["data-verdict"] for _, one in wrong.tags if "data-verdict" in one]
        assert verdicts == ["wrong"] * 3
        assert sum("data-verdict" in one for _, one in everything.tags) == 20
        assert "1 to 20 of 25" in everything.words()
        assert "wrong 3" in everything.words()
        assert "mark" in {tag for tag, _ in wrong.tags}
        second = await page_of(client, f"/runs/{first}/samples?offset=20")
        assert sum("data-verdict" in one for _, one in second.tags) == 5


async def test_what_is_not_there_is_told_on_a_page_and_to_programs_as_a_problem(outputs):
    async with serving(outputs) as client:
        for path in ("/runs/nothing", "/jobs/nothing", "/nothing", "/compare?a=x&b=y", "/start?job=%3Cb%3E"):
            assert "Not Found" in (await page_of(client, path, 404)).words()
        assert "Unprocessable" in (await page_of(client, "/?sort=wrong", 422)).words()
        status, found = await client.ask("GET", "/nothing")
        assert (status, found["title"]) == (404, "Not Found")


async def test_without_the_token_a_browser_is_led_to_the_login(tmp_path):
    async with serving(tmp_path / "outputs", token=TOKEN) as client:
        async with client.session.get(
            client.base + "/jobs?status=done", headers=BROWSER, allow_redirects=False
        ) as response:
            assert (response.status, response.headers["Location"]) == (302, "/login?next=%2Fjobs%3Fstatus%3Ddone")
        page = await page_of(client, "/login?next=/jobs")
        assert [one["data-next"] for _, one in page.tags if "data-next" in one] == ["/jobs"]
        for _, attributes in page.tags:
            for name in ("src", "href"):
                if (attributes.get(name) or "").startswith("/static/"):
                    async with client.session.get(client.base + attributes[name]) as response:
                        assert response.status == 200
                        assert "immutable" in response.headers["Cache-Control"]


@pytest.mark.parametrize(("path", "kept"), [
    ("/jobs?a=b", "/jobs?a=b"), ("//evil.example", "/"), ("/\\evil.example", "/"), ("https://evil.example", "/"),
    ("javascript:alert(1)", "/"), ("/a\nb", "/"), ("/\tevil", "/"),
])  # fmt: skip
def test_a_login_leads_to_pages_of_this_service_alone(path, kept):
    assert _of_ours(path) == kept


@pytest.mark.parametrize(("text", "expected"), [
    ("two\nlines\tand a tab", "two\nlines\tand a tab"), ("\x1b[31mred", "·[31mred"), ("a\u202eb", "a·b"),
    ("half \ud800 pair", "half · pair"), ("12\u202f345 日本", "12\u202f345 日本"), ("\u200b", "·"),
])  # fmt: skip
def test_signs_that_would_act_are_dots(text, expected):
    assert shown(text) == expected


@pytest.mark.parametrize(("read", "reference", "left", "right"), [
    pytest.param("A", "B", ["*A"], ["*B"], id="nothing in common"),
    pytest.param("12.50", "12.5", ["12.5", "*0"], ["12.5"], id="a sign too many"),
    pytest.param("", "x", [], ["*x"], id="nothing was read"),
    pytest.param(LONG + "cat", LONG + "dog", [LONG, "*cat"], [LONG, "*dog"], id="long ones by words"),
])  # fmt: skip
def test_a_difference_is_told_in_pieces(read, reference, left, right):
    found = differing(read, reference)
    assert found is not None
    assert ["*" * (not piece.is_same) + piece.text for piece in found.read] == left
    assert ["*" * (not piece.is_same) + piece.text for piece in found.reference] == right


def test_equal_and_endless_texts_are_not_compared():
    assert differing("same", "same") is None
    assert differing("a" * 5000, "b") is None


@pytest.mark.parametrize(("offset", "before", "after"), [
    (0, None, "/x?q=a&offset=50"), (50, "/x?q=a", "/x?q=a&offset=100"), (100, "/x?q=a&offset=50", None),
    (10, "/x?q=a", "/x?q=a&offset=60"),
])  # fmt: skip
def test_pages_of_a_list_lead_to_their_neighbours(offset, before, after):
    pager = Pager(120, offset, 50, "/x", {"q": "a"})
    assert (pager.before, pager.after) == (before, after)


@pytest.mark.parametrize("kind", ["eval", "perf"])
def test_the_form_has_every_key_of_a_body_once(kind):
    others = {"work_dir", "outputs_dir", "use_cache"} | ({"parallel"} if kind == "eval" else {"extra_body"})
    assert fields_of(kind).keys() == params(kind)["properties"].keys() - others
    assert fields_of(kind)["api_key"].is_secret


@pytest.mark.parametrize(("kind", "description", "texts"), [
    ("eval", {"model": "m", "datasets": ["a", "b"], "debug": False, "retries": 5, "api_key": "REDACTED", "limit": None},
     {"model": "m", "datasets": "a, b"}),
    ("eval", {"generation_config": {"max_tokens": 9, "temperature": 0.0, "stop": None}},
     {"generation_config": '{"max_tokens":9}'}),
    ("perf", {"simulator": {"ttft_ms": 30.0, "host": "127.0.0.1"}, "stream": True, "outputs_dir": "x"},
     {"simulator": "ttft_ms=30.0", "stream": "yes"}),
    ("perf", {"headers": {"X": "a b"}}, {"headers": '{"X":"a b"}'}),
    ("perf", {"headers": {"Authorization": "REDACTED", "X": "1"}, "parallel": [1, 8]}, {"parallel": "1, 8"}),
])  # fmt: skip
def test_a_form_begins_with_what_was_run_and_never_with_a_secret(kind, description, texts):
    assert filled(kind, description) == texts
