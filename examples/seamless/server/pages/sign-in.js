"use strict";
// This script asks for a session in the background. If the browser has a ticket, it answers the challenge with the ticket.
// The password form appears when the attempt fails, and always within a second. If the ticket comes later, it still signs the
// user in, unless the user has begun to type.
document.documentElement.classList.add("js");

// The script sends the request at once, while the browser is still laying out the page.
const attempt = new AbortController();
const address = document.currentScript.dataset.autologon;
const answer = fetch(address, { credentials: "same-origin", cache: "no-store", signal: attempt.signal });

addEventListener("DOMContentLoaded", () => {
  const stage = document.querySelector(".stage");

  const showForm = () => {
    if (stage.classList.contains("failed")) return;
    stage.classList.add("failed");
    const first = stage.querySelector(".rest input:not([type=hidden]):not([readonly])") || stage.querySelector(".rest button");
    if (first) first.focus();
  };

  setTimeout(showForm, 700);
  setTimeout(() => attempt.abort(), 10000);
  for (const event of ["input", "submit"]) stage.addEventListener(event, () => attempt.abort());

  answer.then(({ ok }) => (ok ? location.replace("/") : showForm())).catch(showForm);
});

// The browser's back button may restore the page in an old state. The page is then loaded again.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
