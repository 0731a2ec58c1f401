"use strict";
// This script asks for a session in the background. If the browser has a ticket, it answers the challenge with the
// ticket. The password form appears when the attempt fails, and always within a second. If the ticket comes later, it
// still signs the user in, unless the user has begun to type. With data-ticket="button", the script asks when the user
// presses the button. With data-page, the host that takes tickets has another origin. That host answers with a code,
// and the page's origin exchanges the code for a session.
document.documentElement.classList.add("js");

const { autologon, exchange, next, page, request, ticket } = document.currentScript.dataset;

// Writes one line for the person who wants to know why the ticket did not sign the user in. The id finds the request in
// the server's log.
const report = async (response) => {
  const { code, check } = await response.json().catch(() => ({ code: "no-answer", check: "" }));
  console.info(`sign-in by ticket: ${code} (request ${response.headers.get("x-request-id")}). ${check}`);
};

// Sends a form to the page's own origin. A form without a handover says that the try failed.
const send = (fields) => fetch(exchange, { method: "POST", credentials: "same-origin", body: new URLSearchParams(fields) });

const attempt = async (byUser, abort) => {
  const query = new URLSearchParams({ ...(request && { request }), ...(page && { page }), ...(byUser && { by_user: true }) });
  const address = query.size ? `${autologon}?${query}` : autologon;
  const credentials = page ? "include" : "same-origin";
  setTimeout(() => abort.abort(), 10000);
  let response = await fetch(address, { credentials, cache: "no-store", signal: abort.signal });
  if (response.ok && page) {
    const { handover } = await response.json();
    response = await send({ handover, ...(request && { request }) });
  }
  if (response.ok) return true;
  await report(response);
  // A browser that blocks the cookies of third parties may send no ticket to another origin. So the page goes to that
  // origin, once.
  if (page && response.status === 401 && mayHop(byUser)) {
    if (!request) query.set("back", location.pathname + location.search);
    location.assign(`${autologon.replace(/sso$/, "hop")}?${query}`);
    return new Promise(() => {});
  }
  // The page's origin does not see that the other origin refused the ticket, so the script reports the failed try.
  if (page) send({}).catch(() => {});
  return false;
};

// A browser without cookies has no storage either, and would come back again and again.
const mayHop = (byUser) => {
  if (document.querySelector(".stage.failed")) return false;
  try {
    const isFirst = !sessionStorage.getItem("hopped");
    sessionStorage.setItem("hopped", "1");
    return isFirst || byUser;
  } catch {
    return false;
  }
};

const abort = new AbortController();
// The script sends the request at once, while the browser is still laying out the page.
const answer = ticket === "background" ? attempt(false, abort) : null;

addEventListener("DOMContentLoaded", () => {
  const stage = document.querySelector(".stage");

  const showForm = () => {
    if (stage.classList.contains("failed")) return;
    stage.classList.add("failed");
    const first = stage.querySelector(".rest input:not([type=hidden]):not([readonly])") || stage.querySelector(".rest button");
    if (first) first.focus();
  };

  if (answer) {
    setTimeout(showForm, 700);
    for (const event of ["input", "submit"]) stage.addEventListener(event, () => abort.abort());
    answer.then((ok) => (ok ? location.replace(next) : showForm())).catch(showForm);
    return;
  }

  const button = document.getElementById("ticket");
  if (!button) return;
  button.addEventListener("click", () => {
    button.disabled = true;
    const failed = () => { button.textContent = "This computer has no account here"; };
    attempt(true, abort).then((ok) => (ok ? location.replace(next) : failed())).catch(failed);
  });
});

// The browser's back button may restore the page in an old state. The page is then loaded again.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
