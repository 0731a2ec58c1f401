"use strict";
// Asks for a session in the background: the browser answers the challenge with its ticket, if it has one. The password
// form appears as soon as that fails, and in any case within a second; should the ticket come later, it is still welcome
// until the user begins to type.
document.documentElement.classList.add("js");

// At once, while the page is still being laid out.
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

// The browser's back button brings the page as it was left.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
