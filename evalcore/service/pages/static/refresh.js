// Keeps a part of the page fresh: asks for the page again and puts in what the server has rendered anew.
const place = () => document.getElementById("fresh");

const refresh = async () => {
  if (document.hidden || place().contains(document.activeElement) || document.querySelector("dialog[open]")) return;
  try {
    const reply = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!reply.ok) return;
    const found = new DOMParser().parseFromString(await reply.text(), "text/html").getElementById("fresh");
    if (found && found.innerHTML !== place().innerHTML) place().replaceWith(found);
  } catch {
    // The service is away; the next look may find it again.
  }
};

setInterval(refresh, 1000 * Number(place().dataset.everyS));
