"use strict";
// This script asks for a ticket on the host to which the browser sends tickets, and leads back to the page on the other origin.
const { autologon, back } = document.currentScript.dataset;
const given = new URLSearchParams(location.search);

const lead = (handover) => {
  const query = new URLSearchParams({ back: given.get("back") ?? "/" });
  if (given.has("request")) query.set("request", given.get("request"));
  if (handover) query.set("handover", handover);
  location.replace(`${back}?${query}`);
};

const abort = new AbortController();
setTimeout(() => abort.abort(), 700);
fetch(`${autologon}?${given}`, { credentials: "same-origin", cache: "no-store", signal: abort.signal })
  .then((response) => (response.ok ? response.json() : {}))
  .then(({ handover }) => lead(handover))
  .catch(() => lead());
