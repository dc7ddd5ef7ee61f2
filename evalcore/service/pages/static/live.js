// A job as it goes: its events become figures, rows and lines. Texts go in as textContent only.
import { say } from "./ask.js";

const at = (id) => document.getElementById(id);
const job = at("job");
const kind = job.dataset.kind;
const MOST_POINTS = 600;
const WORDS = { done: "met", running: "running", failed: "missed", queued: "inconclusive", interrupted: "inconclusive" };
const CLIENT = { ok: "met", suspect: "inconclusive", saturated: "missed" };
const LATENCIES = { ttft: "TTFT", itl: "ITL", tpot: "TPOT", e2e: "E2E", response_ttft: "response TTFT", response_e2e: "response E2E" };
const COLOURS = ["--blue", "--orange", "--purple", "--green", "--sky", "--yellow", "--red", "--grey"];

const make = (tag, given = {}, ...inside) => {
  const element = Object.assign(document.createElement(tag), given);
  element.append(...inside);
  return element;
};
const grouped = (value) => Math.round(value).toLocaleString("en").replaceAll(",", "\u202f");
const figure = (value) => (value === null || value === undefined ? "n/a" : value === 0 ? "0" : Math.abs(value) >= 1000 ? grouped(value) : String(Number(value.toPrecision(3))));
const span = (seconds) => {
  const whole = Math.round(seconds);
  const two = (value) => String(value).padStart(2, "0");
  return whole < 60 ? `${whole} s` : whole < 3600 ? `${Math.floor(whole / 60)}:${two(whole % 60)}` : `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
};
const share = (value) => `${(100 * value).toFixed(2)} %`;

// -- what has been ------------------------------------------------------------------------------------------------------

let zero = null;
let runs = 0;
let seen = { x: [], lines: {} };
const push = (x, values) => {
  seen.x.push(x);
  for (const [name, value] of Object.entries(values)) {
    seen.lines[name] ||= new Array(seen.x.length - 1).fill(null);
    seen.lines[name].push(value ?? null);
  }
  for (const line of Object.values(seen.lines)) while (line.length < seen.x.length) line.push(null);
  if (seen.x.length > MOST_POINTS) {
    const half = (line) => line.filter((_, place) => place % 2 === 1);
    seen = { x: half(seen.x), lines: Object.fromEntries(Object.entries(seen.lines).map(([name, line]) => [name, half(line)])) };
  }
};

// -- charts -------------------------------------------------------------------------------------------------------------

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").slice(0, 60);
const line = (name, label, place, more = {}) => ({
  type: "scatter", mode: seen.x.length > 40 ? "lines" : "lines+markers", x: seen.x, y: seen.lines[name], name: escaped(label), line: { color: colour(COLOURS[place % COLOURS.length]), width: 2 }, ...more,
});
const band = (low, high, place) => [
  { type: "scatter", mode: "lines", x: seen.x, y: seen.lines[low], line: { width: 0 }, hoverinfo: "skip", showlegend: false },
  { type: "scatter", mode: "lines", x: seen.x, y: seen.lines[high], line: { width: 0 }, fill: "tonexty", fillcolor: `${colour(COLOURS[place % COLOURS.length])}22`, hoverinfo: "skip", showlegend: false },
];
const has = (name) => (seen.lines[name] || []).some((value) => value !== null);

const draw = (key, traces, title) => {
  at(`panel-${key}`).hidden = traces.length === 0;
  if (traces.length === 0) return;
  at("charts-section").hidden = false;
  const place = document.querySelector(`[data-live="${key}"]`);
  const axis = (text) => ({ title: { text, standoff: 8, font: { size: 12, color: colour("--muted") } }, gridcolor: colour("--grid"), linecolor: colour("--line"), zerolinecolor: colour("--line"), automargin: true });
  const text = colour("--text");
  Plotly.react(place, traces, {
    margin: { l: 52, r: 12, t: 12, b: 44 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { family: "system-ui, sans-serif", size: 12, color: text },
    hovermode: "x unified", hoverlabel: { bgcolor: colour("--panel"), font: { color: text } }, legend: { orientation: "h", x: 0, y: -0.22, yanchor: "top", font: { size: 11 }, traceorder: "normal" },
    showlegend: traces.filter((one) => one.showlegend !== false).length > 1, dragmode: false, xaxis: axis("seconds since the start"), yaxis: { ...axis(title), rangemode: "tozero" },
  }, { responsive: true, displayModeBar: false });
};

const drawAll = () => {
  for (const name of ["ttft", "itl", "e2e"]) {
    draw(name, ["p50", "p90", "p99"].filter((statistic) => has(`${name} ${statistic}`)).map((statistic, place) => line(`${name} ${statistic}`, statistic, place)), "ms");
  }
  draw("rate", has("requests/s") ? [line("requests/s", "requests/s", 3)] : [], "requests/s");
  draw("tokens", has("tokens/s") ? [line("tokens/s", "output tokens/s", 3)] : [], "tokens/s");
  draw("flight", has("in flight") ? [line("in flight", "in flight", 0)] : [], "requests");
  if (kind === "eval") {
    const names = Object.keys(seen.lines).filter((name) => name.startsWith("score ") && has(name)).slice(0, COLOURS.length);
    draw("scores", names.flatMap((name, place) => {
      const benchmark = name.slice("score ".length);
      return [...band(`low ${benchmark}`, `high ${benchmark}`, place), line(name, benchmark, place)];
    }), "score");
  }
};

let waits = false;
const drawSoon = () => {
  if (waits) return;
  waits = true;
  setTimeout(() => { waits = false; drawAll(); }, 250);
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

// -- figures ------------------------------------------------------------------------------------------------------------

const tile = (label, value, hint = "") => make("div", { className: "tile" }, make("div", { className: "label", textContent: label }), make("div", { className: "value", textContent: value }), make("div", { className: "hint", textContent: hint }));
const cells = (row, values) => row.append(...values.map((value) => make("td", { className: "number", textContent: value })));
const heading = (text) => make("th", { scope: "row", textContent: text });

const showTiles = (now) => {
  const rates = now.rates_run || {};
  const tiles = [tile("ok", grouped(now.ok ?? 0)), tile("failed", grouped(now.failed ?? 0), now.retries ? `${grouped(now.retries)} tried again` : "")];
  tiles.push(tile("in flight", grouped(now.in_flight ?? 0), now.waiting ? `${grouped(now.waiting)} waiting` : ""));
  tiles.push(tile("requests/s", figure(rates.requests_per_s), "of the whole run"), tile("output tokens/s", figure(rates.output_tokens_per_s), "of the whole run"));
  if (now.judge_requests) tiles.push(tile("judge requests", grouped(now.judge_requests)));
  at("tiles").replaceChildren(...tiles);
};

const showProgress = (now) => {
  if (now.fraction !== null && now.fraction !== undefined) at("bar").value = now.fraction;
  else at("bar").removeAttribute("value");
  const words = [];
  if (runs > 1) words.push(`run ${runs}`);
  if (now.planned) words.push(`${grouped(now.done)} of ${grouped(now.planned)}`);
  else words.push(`${grouped(now.done)} done`);
  words.push(`${span(now.elapsed_s)} so far`);
  if (now.left_s !== null && now.left_s !== undefined && !over()) words.push(`about ${span(now.left_s)} to go`);
  at("told").textContent = words.join(" · ");
};

const showLatency = (now) => {
  const rows = Object.entries(LATENCIES).filter(([name]) => now.run?.[name]?.count).map(([name, label]) => {
    const row = make("tr", {}, heading(label));
    const late = now.recent?.[name] || {};
    const all = now.run[name];
    cells(row, [late.p50, late.p90, late.p99, all.p50, all.p90, all.p99].map(figure));
    cells(row, [grouped(all.count)]);
    return row;
  });
  at("latency").hidden = rows.length === 0;
  at("latency-rows").replaceChildren(...rows);
};

const showScores = (now) => {
  const rows = Object.entries(now.benchmarks || {}).map(([name, one]) => {
    const row = make("tr", {}, heading(name));
    const [mean, low, high] = one.score || [null, null, null];
    const shares = mean !== null && mean >= 0 && mean <= 1;
    const text = (value) => (value === null ? "n/a" : shares ? share(value) : value.toFixed(3));
    cells(row, [text(mean), low === null ? "n/a" : `${text(low)} … ${text(high)}`, grouped(one.scored), grouped(one.planned), grouped(one.unscored)]);
    return row;
  });
  at("scores").hidden = rows.length === 0;
  at("score-rows").replaceChildren(...rows);
};

const showErrors = (now) => {
  const kinds = Object.entries(now.errors || {});
  at("errors").hidden = kinds.length === 0;
  at("error-kinds").replaceChildren(...kinds.map(([name, count]) => make("span", {}, `${name} `, make("b", { textContent: grouped(count) }))));
};

const showClient = (client) => {
  at("client").hidden = !client;
  if (!client) return;
  at("client-word").textContent = `client ${client.verdict}`;
  at("client-word").className = `word ${CLIENT[client.verdict] || ""}`;
  at("client-said").textContent = `event loop late by ${figure(client.loop_lag_ms)} ms, requests by ${figure(client.send_lag_ms)} ms; ${figure(100 * client.cpu_share)} % of a core`;
};

const remember = (now) => {
  zero ??= now.at - now.elapsed_s;
  const values = { "requests/s": now.rates_recent?.requests_per_s || null, "tokens/s": now.rates_recent?.output_tokens_per_s || null, "in flight": now.in_flight };
  for (const name of ["ttft", "itl", "e2e"]) for (const statistic of ["p50", "p90", "p99"]) values[`${name} ${statistic}`] = now.recent?.[name]?.[statistic];
  for (const [name, one] of Object.entries(now.benchmarks || {})) {
    const [mean, low, high] = one.score || [];
    Object.assign(values, { [`score ${name}`]: mean, [`low ${name}`]: low, [`high ${name}`]: high });
  }
  push(Number((now.at - zero).toFixed(2)), values);
};

const progress = (told) => {
  if (told.event === "start") { runs += 1; zero ??= told.at; }
  if (told.event === "note") at("told").textContent = told.text;
  if (told.event !== "figures") return;
  remember(told);
  latest = told;
  showSoon();
};

let latest = null;
let shows = false;
const showNow = () => {
  if (latest === null) return;
  showProgress(latest); showTiles(latest); showLatency(latest); showScores(latest); showErrors(latest); showClient(latest.client);
  drawSoon();
};
// A job that is over tells all its lines at once; only the last of them need be shown.
const showSoon = () => {
  if (shows) return;
  shows = true;
  requestAnimationFrame(() => { shows = false; showNow(); });
};

// -- state --------------------------------------------------------------------------------------------------------------

let status = job.dataset.status;
const over = () => ["done", "failed", "cancelled", "interrupted"].includes(status);

const state = (told) => {
  const was = status;
  status = told.status;
  const word = told.stopping ? "stopping" : status;
  at("state").replaceChildren(make("span", { className: `word ${WORDS[word] || ""}`, textContent: word }));
  at("cancel").hidden = over();
  at("resume").hidden = !["failed", "cancelled", "interrupted"].includes(status);
  at("resume").dataset.needs = (told.needs || []).join(" ");
  at("error").hidden = !told.error;
  at("error-text").textContent = told.error || "";
  if (told.run) { at("run-link").href = `/runs/${encodeURIComponent(told.run)}`; at("run-link").hidden = false; }
  if (over()) { if (was !== status) concluded(); showSoon(); }
};

// The index knows the run's folder a moment after the job has ended.
const concluded = async () => {
  for (let tries = 0; tries < 10 && at("run-link").hidden; tries += 1) {
    await fetch("/api/v1/runs?limit=1");
    const found = await (await fetch(`/api/v1/jobs/${encodeURIComponent(job.dataset.id)}`)).json();
    if (found.run) { at("run-link").href = `/runs/${encodeURIComponent(found.run)}`; at("run-link").hidden = false; }
    else await new Promise((done) => { setTimeout(done, 500); });
  }
};

const events = new EventSource(`/api/v1/jobs/${encodeURIComponent(job.dataset.id)}/events`);
events.addEventListener("job", (event) => state(JSON.parse(event.data)));
events.addEventListener("progress", (event) => progress(JSON.parse(event.data)));
events.addEventListener("end", () => { events.close(); job.dataset.status = status; showNow(); });
events.addEventListener("error", () => { if (events.readyState === EventSource.CLOSED) say("The service no longer tells of this job; load the page again."); });

// -- log ----------------------------------------------------------------------------------------------------------------

const LOG_KEPT = 200000;
at("log-box").addEventListener("toggle", async () => {
  if (!at("log-box").open || at("log").dataset.read) return;
  at("log").dataset.read = "yes";
  const reply = await fetch(`/api/v1/jobs/${encodeURIComponent(job.dataset.id)}/log?follow=true`);
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    const place = at("log");
    const follows = place.scrollTop + place.clientHeight >= place.scrollHeight - 30;
    place.textContent = (place.textContent + piece.value).slice(-LOG_KEPT);
    if (follows) place.scrollTop = place.scrollHeight;
  }
});
