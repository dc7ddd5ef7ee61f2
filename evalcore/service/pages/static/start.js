// The form of a run: its fields become a body, and the same as a command line.
import { problem } from "./ask.js";

const form = document.getElementById("start");
const kind = form.dataset.kind;
const KEYS = { eval: "EVALCORE_API_KEY", perf: "OPENAI_API_KEY" };
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const fields = [...form.querySelectorAll("[data-reading]")];

const number = (text) => (NUMBER.test(text) ? Number(text) : text);
const parts = (text) => text.split(",").map((part) => part.trim()).filter(Boolean);
// a=1 b=2, a value in quotes where it holds blanks.
const pairs = (text) => {
  const found = [...text.matchAll(/([^\s=]+)=("[^"]*"|'[^']*'|\S*)\s*/g)];
  if (found.map(([whole]) => whole).join("") !== text) throw new SyntaxError("write it as NAME=VALUE NAME=VALUE, or as JSON");
  return Object.fromEntries(found.map(([, name, value]) => [name, /^["']/.test(value) ? value.slice(1, -1) : value]));
};
const READINGS = {
  text: (text) => text,
  number,
  "yes-no": (text) => text === "yes",
  list: (text) => parts(text),
  swept: (text) => (text.includes(",") ? parts(text).map(number) : number(text)),
  pairs: (text) => (text.startsWith("{") ? JSON.parse(text) : pairs(text)),
  json: (text) => (/^\s*[[{"]/.test(text) ? JSON.parse(text) : text),
};

// Raises SyntaxError with the name of the field where JSON is none.
const body = () => {
  const found = {};
  for (const field of fields) {
    const text = field.dataset.secret === undefined ? field.value.trim() : field.value;
    if (text === "") continue;
    try {
      found[field.name] = READINGS[field.dataset.reading](text);
    } catch (error) {
      throw Object.assign(new SyntaxError(`cannot be read: ${error.message}`), { field: field.name });
    }
  }
  return found;
};

const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\"'\"'")}'`);

const command = (given) => {
  const sweeps = kind === "perf" && (Array.isArray(given.parallel) || Array.isArray(given.rate));
  const words = kind === "eval" ? ["evalcore run"] : [sweeps ? "perfbench sweep" : "perfbench run"];
  for (const [name, value] of Object.entries(given)) {
    const flag = `--${name.replaceAll("_", "-")}`;
    const field = form.elements[name];
    if (field.dataset.secret !== undefined) { words.unshift(`${KEYS[kind]}=...`); continue; }
    if (typeof value === "boolean") words.push(value ? flag : flag.replace("--", "--no-"));
    else if (Array.isArray(value) && value.every((one) => typeof one !== "object")) words.push(`${flag} ${quoted(value.join(","))}`);
    else words.push(`${flag} ${quoted(typeof value === "object" && field.dataset.reading === "json" ? JSON.stringify(value) : field.value.trim())}`);
  }
  return words.join(" ");
};

const show = (name, text) => {
  const place = document.getElementById(`w-${name}`);
  if (!place) return false;
  place.textContent = text;
  place.hidden = false;
  const field = form.elements[name];
  field.setAttribute("aria-invalid", "true");
  const group = field.closest("details.group");
  if (group) group.open = true;
  return true;
};

const clear = () => {
  for (const place of form.querySelectorAll(".wrong")) place.hidden = true;
  for (const field of fields) field.removeAttribute("aria-invalid");
  document.getElementById("start-wrong").hidden = true;
};

const complain = (text) => {
  const place = document.getElementById("start-wrong");
  place.textContent = text;
  place.hidden = false;
  const first = form.querySelector("[aria-invalid]");
  (first || place).focus();
  (first || place).scrollIntoView({ block: "center" });
};

const refused = ({ detail, errors }) => {
  let unplaced = 0;
  for (const { key, message } of errors) if (!show(key.split(".")[0].replaceAll("-", "_"), `${key} ${message}`)) unplaced += 1;
  complain(errors.length && !unplaced ? `Not started: ${errors.length === 1 ? "a field is" : `${errors.length} fields are`} wrong.` : detail);
};

const look = () => {
  const datasets = form.elements.datasets;
  if (datasets) {
    const picked = new Set(parts(datasets.value));
    for (const chip of form.querySelectorAll("[data-pick]")) chip.setAttribute("aria-pressed", String(picked.has(chip.dataset.pick)));
  }
  for (const group of form.querySelectorAll("details.group")) {
    const count = [...group.querySelectorAll("[data-reading]")].filter((field) => field.value.trim() !== "").length;
    group.querySelector("[data-set-in]").textContent = count ? `${count} set` : "";
  }
  try {
    document.getElementById("command").textContent = command(body());
  } catch (error) {
    document.getElementById("command").textContent = `${error.field} ${error.message}`;
  }
};

form.addEventListener("input", look);
form.addEventListener("click", (event) => {
  const chip = event.target.closest("[data-pick]");
  if (!chip) return;
  const picked = parts(form.elements.datasets.value);
  const name = chip.dataset.pick;
  form.elements.datasets.value = (picked.includes(name) ? picked.filter((one) => one !== name) : [...picked, name]).join(", ");
  look();
});

document.getElementById("copy").addEventListener("click", async (event) => {
  const text = document.getElementById("command");
  getSelection().selectAllChildren(text);
  try {
    await navigator.clipboard.writeText(text.textContent);
    event.target.textContent = "Copied";
  } catch {
    event.target.textContent = "Selected; press Ctrl-C";
  }
  setTimeout(() => { event.target.textContent = "Copy the command"; }, 3000);
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  clear();
  let given;
  try {
    given = body();
  } catch (error) {
    show(error.field, error.message);
    complain(`Not started: ${error.field} ${error.message}`);
    return;
  }
  const button = document.getElementById("go");
  button.disabled = true;
  try {
    const reply = await fetch(`/api/v1/${kind}`, {
      method: "POST", headers: { "Content-Type": "application/json", Prefer: "respond-async" }, body: JSON.stringify(given),
    });
    if (!reply.ok) { refused(await problem(reply)); return; }
    location.assign(`/jobs/${encodeURIComponent((await reply.json()).id)}`);
  } catch (error) {
    complain(`The service does not answer: ${error.message}`);
  } finally {
    button.disabled = false;
  }
});
look();
