"""Pages in a browser: what a user does with a mouse, from the form to the comparison, and that nothing goes wrong."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from evalcore.service.process import command_of
from tests.evalcore.recorder import recorder
from tests.evalcore.service.serving import serving
from tests.report.test_html import CHROMIUM, needs_chromium

playwright = pytest.importorskip("playwright.async_api", reason="playwright, of the extra dev, is not installed")
pytestmark = [needs_chromium, pytest.mark.slow, pytest.mark.timeout(180)]

OWNED = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
ROWS = [
    {"id": f"q{number}", "question": f"Number {number}? {OWNED}", "answer": OWNED if number == 1 else "yes"}
    for number in range(30)
]
SCHEMES = [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)]


@asynccontextmanager
async def browsing(base: str, **context: Any) -> AsyncIterator[Any]:
    """A page of Chromium. Raises at its end what its console said, what it asked of others, and scripts that failed."""
    wrong: list[str] = []
    async with playwright.async_playwright() as started:
        browser = await started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = await browser.new_context(**context)
        page = await opened.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda told: wrong.append(told.text) if told.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith(base) else wrong.append(f"asked {asked.url}"))
        try:
            yield page
        finally:
            await browser.close()
    assert wrong == []


def task(place: Path) -> dict[str, Any]:
    file = place / "qa.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return {"datasets": ["general_qa"], "dataset_args": {"general_qa": {"local_path": str(file)}}, "model": "m"}


async def evaluated(client: Any, place: Path, text: Any) -> str:
    """The id of the run of an evaluation that was started through the service."""
    with recorder(text=text) as server:
        status, job = await client.ask("POST", "/api/v1/eval", {**task(place), "api_url": server.url})
    assert (status, job["status"]) == (200, "done"), job
    return job["run"]


async def test_a_load_test_is_started_with_the_form_watched_cancelled_and_opened(tmp_path):
    async with (
        serving(tmp_path / "outputs", commands=command_of) as client, browsing(client.base) as page
    ):  # fmt: skip
        await page.goto(f"{client.base}/start?kind=perf")
        await page.fill("[name=url]", "simulator")
        await page.fill("[name=model]", "sim")
        await page.fill("[name=simulator]", "ttft=20ms itl=2ms tokens=5")
        await page.fill("[name=parallel]", "4")
        await page.fill("[name=number]", "1000000")
        await page.fill("[name=api_key]", "sk-secret-of-mine")
        command = await page.text_content("#command")
        assert command == (
            "OPENAI_API_KEY=... perfbench run --url simulator --model sim --parallel 4 --number 1000000 "
            "--simulator 'ttft=20ms itl=2ms tokens=5'"
        )
        await page.click("#go")
        await page.wait_for_url(re.compile(r"/jobs/"))
        await playwright.expect(page.locator("#state")).to_have_text("running")
        await page.wait_for_selector("[data-live=ttft] .main-svg", timeout=60_000)
        await playwright.expect(page.locator("#client-word")).to_have_text(re.compile("client (ok|suspect|saturated)"))
        await playwright.expect(page.locator("#latency-rows tr").first).to_contain_text("TTFT")
        await page.click("#cancel")
        await page.click("dialog >> text=Yes")
        await playwright.expect(page.locator("#state")).to_have_text("cancelled", timeout=60_000)
        assert "sk-secret" not in await page.content()
        await page.click("#run-link")
        await page.wait_for_selector(".main-svg")
        assert int(await page.get_attribute("html", "data-drawn")) > 5
        await page.click("text=Requests >> nth=0")
        await playwright.expect(page.locator("tbody tr")).to_have_count(50)


async def test_wrong_fields_are_named_where_they_stand(tmp_path):
    async with serving(tmp_path / "outputs") as client, browsing(client.base) as page:
        await page.goto(f"{client.base}/start?kind=eval&datasets=gsm8k")
        await page.fill("[name=model]", "m")
        await page.fill("[name=api_url]", "http://127.0.0.1:9/v1")
        await page.click("summary:has-text('Asking')")
        await page.fill("[name=generation_config]", "{max_tokens")
        await page.click("#go")
        await playwright.expect(page.locator("#w-generation_config")).to_contain_text("cannot be read")
        assert await page.evaluate("document.activeElement.name") == "generation_config"


async def test_samples_are_filtered_two_runs_compared_and_one_deleted(tmp_path):
    async with serving(tmp_path / "outputs", commands=command_of) as client:
        first = await evaluated(client, tmp_path, lambda question: OWNED if "Number 5?" in question else "yes")
        second = await evaluated(client, tmp_path, lambda question: "yes")
        async with browsing(client.base) as page:
            await page.goto(f"{client.base}/")
            await page.click(f"[data-row='{first}'] a")
            await page.wait_for_selector("text=general_qa")
            await page.click("text=Samples >> nth=0")
            await playwright.expect(page.locator("details.sample")).to_have_count(20)
            await page.click(".chip:has-text('wrong')")
            await playwright.expect(page.locator("details.sample")).to_have_count(2)
            await page.click("[data-open-all]")
            await playwright.expect(page.locator(".said-by.assistant pre").nth(1)).to_have_text(OWNED)
            assert not (await page.title()).startswith("owned")
            assert await page.locator("#samples img, #samples script").count() == 0
            await page.click("text=The whole of it >> nth=1")
            await playwright.expect(page.locator(".said-by.user")).to_contain_text("Number")
            await page.goto(f"{client.base}/")
            for run in (first, second):
                await page.check(f"[data-row='{run}'] input")
            await page.click("text=Compare the two chosen")
            await playwright.expect(page.locator("h2").nth(1)).to_have_text("general_qa: 1 flips")
            await page.goto(f"{client.base}/")
            await page.click(f"[data-row='{first}'] >> text=delete")
            await page.click("dialog >> text=Yes")
            await playwright.expect(page.locator("[data-row]")).to_have_count(1)
    assert not (tmp_path / "outputs" / first).exists()


async def test_every_page_fits_its_window_is_reached_by_keyboard_and_logs_in(tmp_path):
    token = "correct-horse-battery"
    async with serving(tmp_path / "outputs", commands=command_of, token=token) as client:
        client.session.headers["Authorization"] = f"Bearer {token}"
        run = await evaluated(client, tmp_path, lambda question: "yes")
        body = {"url": "simulator", "model": "sim", "number": 60, "parallel": 4, "simulator": {"ttft": "5ms"}}
        status, job = await client.ask("POST", "/api/v1/perf", body)
        assert (status, job["status"]) == (200, "done"), job
        paths = ("/", "/jobs", "/start", f"/runs/{run}", f"/runs/{run}/samples", f"/runs/{job['run']}",
                 f"/runs/{job['run']}/requests", f"/jobs/{job['id']}", f"/compare?a={run}", "/benchmarks")  # fmt: skip
        for scheme, width in SCHEMES:
            size = {"width": width, "height": 900}
            async with browsing(client.base, color_scheme=scheme, viewport=size) as page:
                await page.goto(f"{client.base}/jobs")
                assert "/login" in page.url
                await page.keyboard.type(token)
                await page.keyboard.press("Enter")
                await page.wait_for_url("**/jobs")
                for path in paths:
                    await page.goto(client.base + path)
                    await page.wait_for_load_state()
                    too_wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
                    assert too_wide <= 0, (path, scheme, width)
                    await page.keyboard.press("Tab")
                    assert await page.evaluate("document.activeElement.className") == "skip", path
                await page.click("text=Log out")
                await page.wait_for_url("**/login")


async def test_a_job_that_waits_is_cancelled_in_the_list(tmp_path):
    async with serving(tmp_path / "outputs", max_jobs=1) as client, browsing(client.base) as page:
        running, waits = await client.start("waits"), await client.start("ends:0")
        await client.until(running["id"], "running")
        await page.goto(f"{client.base}/jobs")
        await page.click(f"[aria-label='Cancel {waits['id']}']")
        await page.click("dialog >> text=Yes")
        await playwright.expect(page.locator(".word:has-text('cancelled')")).to_have_count(1)
        await playwright.expect(page.locator(".word:has-text('running')")).to_have_count(1)


async def test_a_job_whose_key_is_lost_asks_for_it_and_is_resumed(tmp_path):
    async with serving(tmp_path / "outputs") as client:
        running = await client.start("waits", api_key="sk-secret-of-mine")
        await client.until(running["id"], "running")
    async with serving(tmp_path / "outputs") as client, browsing(client.base) as page:
        await page.goto(f"{client.base}/jobs/{running['id']}")
        await playwright.expect(page.locator("#state")).to_have_text("interrupted")
        await page.click("#resume")
        await page.fill("dialog input[name=api_key]", "sk-secret-of-mine")
        await page.keyboard.press("Enter")
        await playwright.expect(page.locator("#state")).to_have_text("running")
        assert "sk-secret" not in await page.content()
