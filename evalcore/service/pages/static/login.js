import { problem } from "./ask.js";

const form = document.getElementById("login");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const wrong = document.getElementById("login-wrong");
  const button = form.querySelector("button");
  wrong.textContent = "";
  button.disabled = true;
  try {
    const reply = await fetch("/api/v1/login", { method: "POST", body: JSON.stringify({ token: form.elements.token.value }) });
    if (reply.ok) { location.assign(form.dataset.next); return; }
    wrong.textContent = (await problem(reply)).detail;
    form.elements.token.focus();
  } catch (error) {
    wrong.textContent = `The service does not answer: ${error.message}`;
  } finally {
    button.disabled = false;
  }
});
