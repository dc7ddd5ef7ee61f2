// Buttons that ask the API for something (data-method, data-path), after a question if there is one (data-ask).
import { problem, say } from "./ask.js";

// True or false; with names of secrets, a body that holds them at their places, or null.
const ask = (text, names = []) => new Promise((answer) => {
  const dialog = document.getElementById("ask");
  document.getElementById("ask-text").textContent = text;
  const fields = names.map((name) => Object.assign(document.createElement("input"), { type: "password", name, autocomplete: "off", ariaLabel: name, placeholder: name }));
  document.getElementById("ask-fields").replaceChildren(...fields);
  dialog.returnValue = "";
  dialog.addEventListener("close", () => {
    const yes = dialog.returnValue === "yes";
    const found = {};
    for (const { name, value } of fields) {
      name.split(".").reduce((at, part, place, parts) => (at[part] = place === parts.length - 1 ? value : at[part] || {}), found);
    }
    document.getElementById("ask-fields").replaceChildren();
    answer(names.length ? (yes ? found : null) : yes);
  }, { once: true });
  dialog.showModal();
  if (fields.length) fields[0].focus();
});

const act = async (button) => {
  if (button.dataset.ask && !(await ask(button.dataset.ask))) return;
  const needs = (button.dataset.needs || "").split(" ").filter(Boolean);
  const given = needs.length ? await ask(`Kept in memory only, and gone: ${needs.join(", ")}. Give it again to resume?`, needs) : undefined;
  if (given === null) return;
  button.disabled = true;
  try {
    const reply = await fetch(button.dataset.path, { method: button.dataset.method, body: given && JSON.stringify(given) });
    if (!reply.ok) { say((await problem(reply)).detail); return; }
    if (button.dataset.then === "reload") location.reload();
    else if (button.dataset.then) location.assign(button.dataset.then);
  } catch (error) {
    say(`The service does not answer: ${error.message}`);
  } finally {
    button.disabled = false;
  }
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.path) act(button);
  if (button.hasAttribute("data-logout")) {
    await fetch("/api/v1/logout", { method: "POST" });
    location.assign("/login");
  }
  if (button.hasAttribute("data-open-all")) {
    const open = button.textContent === "Open all";
    for (const one of document.querySelectorAll("details.sample")) one.open = open;
    button.textContent = open ? "Close all" : "Open all";
  }
});

// Two of one kind are compared.
const chosen = document.getElementById("chosen");
if (chosen) {
  const button = chosen.querySelector("[data-needs-two]");
  const look = () => {
    const boxes = [...chosen.querySelectorAll("input[name=run]")];
    const ticked = boxes.filter((box) => box.checked);
    const kinds = new Set(ticked.map((box) => box.dataset.kind));
    button.disabled = ticked.length !== 2 || kinds.size !== 1;
    for (const box of boxes) box.disabled = !box.checked && (ticked.length === 2 || (ticked.length === 1 && !kinds.has(box.dataset.kind)));
  };
  chosen.addEventListener("change", look);
  look();
}
