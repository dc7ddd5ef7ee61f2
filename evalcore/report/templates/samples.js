// The browser of samples: filters, a list, and what is behind each line. Foreign text goes in as textContent only.
(() => {
  "use strict";
  const benchmarks = JSON.parse(document.getElementById("sample-data").textContent);
  const AT_ONCE = 40;
  const STATES = ["all", "right", "wrong", "partly", "unscored"];
  const at = (id) => document.getElementById(id);
  const chosen = { benchmark: 0, subset: "", state: "all", text: "" };
  let found = [];
  let shown = 0;

  const make = (tag, given = {}, ...inside) => {
    const element = Object.assign(document.createElement(tag), given);
    element.append(...inside.filter((one) => one !== null));
    return element;
  };
  const titled = (title, text) => make("div", {}, make("h4", { textContent: title }), make("pre", { textContent: text }));
  const figure = (value) => (Number.isInteger(value) ? String(value) : value.toFixed(3));

  const scores = (sample) => {
    const body = make("tbody", {}, ...(sample.scores || []).map((score) => make("tr", {},
      make("th", { scope: "row", textContent: score.name }),
      make("td", { textContent: figure(score.value) }),
      make("td", { textContent: score.extracted === null ? (score.value ? "" : "nothing was read out") : `read: ${score.extracted}` }),
      make("td", { className: "muted", textContent: score.detail }))));
    return make("div", {}, make("h4", { textContent: "scores" }), make("table", {}, body));
  };

  const verdict = (one) => {
    const words = [one.judge, one.pair.length ? `vs ${one.pair.join(" vs ")}` : "", one.order, one.verdict === null ? one.fault || "no verdict" : one.verdict];
    return titled(`judge ${words.filter(Boolean).join(" · ")}`, one.text || "(no text)");
  };

  const facts = (sample) => [
    ["subset", sample.subset], ["repeat", sample.repeat || null], ["finished by", sample.finish],
    ["input tokens", sample.input], ["output tokens", sample.output], ["reasoning", sample.reasoning && `${sample.reasoning} characters`],
    ["latency", sample.latency_ms && `${Math.round(sample.latency_ms)} ms`], ["first token", sample.ttft_ms && `${Math.round(sample.ttft_ms)} ms`],
    ["requests", sample.attempts > 1 ? sample.attempts : null],
  ].filter(([, value]) => value !== null && value !== undefined && value !== "");

  const inside = (sample) => {
    const line = make("p", { className: "facts" });
    for (const [name, value] of facts(sample)) line.append(make("span", {}, `${name} `, make("b", { textContent: value })));
    const target = sample.target === undefined ? null : titled("reference", sample.target);
    const answer = titled(`answer${sample.finish === "length" ? " (cut by max_tokens)" : ""}`, sample.answer || "(no text)");
    return make("div", { className: "inside" }, line,
      sample.fault ? titled(`unscored: ${sample.fault}`, sample.detail || "(nothing more was said)") : null,
      ...(sample.prompt || []).map((message) => titled(message.role, message.text)),
      make("div", { className: "two" }, answer, target),
      sample.scores ? scores(sample) : null,
      ...(sample.verdicts || []).map(verdict));
  };

  const head = (sample) => {
    const headline = benchmarks[chosen.benchmark].headline;
    const score = (sample.scores || []).find((one) => one.name === headline);
    const read = sample.fault || (score && score.extracted !== null ? `read: ${score.extracted}` : sample.answer || "");
    return make("summary", {},
      make("span", { className: `word ${sample.state}`, textContent: sample.state }),
      make("span", { className: "said", textContent: `${read.slice(0, 160)}${sample.target === undefined ? "" : `  ·  reference: ${sample.target.slice(0, 100)}`}` }),
      make("small", { textContent: sample.id.slice(0, 40) }));
  };

  const line = (sample) => {
    const element = make("details", { className: "sample" }, head(sample));
    element.addEventListener("toggle", () => { if (element.open && element.childElementCount === 1) element.append(inside(sample)); });
    return element;
  };

  const more = () => {
    at("samples").append(...found.slice(shown, shown + AT_ONCE).map(line));
    shown = Math.min(shown + AT_ONCE, found.length);
    at("more").hidden = shown >= found.length;
  };

  const holds = (sample, text) => [sample.id, sample.answer, sample.target, sample.fault, ...(sample.prompt || []).map((one) => one.text)]
    .some((part) => part && part.toLowerCase().includes(text));

  const list = () => {
    const { shown: all, counts } = benchmarks[chosen.benchmark];
    const text = chosen.text.toLowerCase();
    found = all.filter((sample) => (chosen.state === "all" || sample.state === chosen.state)
      && (!chosen.subset || sample.subset === chosen.subset) && (!text || holds(sample, text)));
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const kept = all.length < total ? `; of ${total} answers the page keeps ${all.length}, evenly drawn` : "";
    at("told").textContent = `${found.length} samples${kept}`;
    at("samples").replaceChildren();
    shown = 0;
    more();
    for (const button of at("of-state").children) button.setAttribute("aria-pressed", String(button.value === chosen.state));
  };

  const options = (select, entries) => select.replaceChildren(...entries.map(([value, text]) => make("option", { value, textContent: text })));

  const benchmark = () => {
    const { shown: all, counts } = benchmarks[chosen.benchmark];
    const subsets = [...new Set(all.map((sample) => sample.subset))];
    options(at("of-subset"), [["", "all subsets"], ...subsets.map((name) => [name, name])]);
    at("of-subset").hidden = subsets.length < 2;
    chosen.subset = "";
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    at("of-state").replaceChildren(...STATES.filter((state) => state === "all" || counts[state]).map((state) => {
      const button = make("button", { value: state, type: "button", textContent: `${state} ${state === "all" ? total : counts[state]}` });
      button.addEventListener("click", () => { chosen.state = state; list(); });
      return button;
    }));
    if (chosen.state !== "all" && !counts[chosen.state]) chosen.state = "all";
    list();
  };

  if (benchmarks.length === 0) { at("browser").hidden = true; return; }
  options(at("of-benchmark"), benchmarks.map((one, place) => [place, one.benchmark]));
  at("of-benchmark").hidden = benchmarks.length < 2;
  at("of-benchmark").addEventListener("change", (event) => { chosen.benchmark = Number(event.target.value); benchmark(); });
  at("of-subset").addEventListener("change", (event) => { chosen.subset = event.target.value; list(); });
  at("of-text").addEventListener("input", (event) => { chosen.text = event.target.value; list(); });
  at("more").addEventListener("click", more);
  benchmark();
})();
