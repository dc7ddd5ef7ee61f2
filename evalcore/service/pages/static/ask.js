// What the API refuses, and how it is told.
export const problem = async (reply) => {
  try {
    const found = await reply.json();
    return { detail: found.detail || found.title || `status ${reply.status}`, errors: found.errors || [] };
  } catch {
    return { detail: `the service answered with status ${reply.status}`, errors: [] };
  }
};

let fades = 0;

export const say = (text) => {
  const place = document.getElementById("said");
  place.textContent = text;
  clearTimeout(fades);
  fades = setTimeout(() => { place.textContent = ""; }, 12000);
};
