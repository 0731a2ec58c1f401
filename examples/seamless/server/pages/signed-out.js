"use strict";
// This script opens the next page when all frames have loaded or failed, and at the latest after five seconds. Without
// this script, the user follows the link.
let isDone = false;
const lead = () => {
  if (isDone) return;
  isDone = true;
  location.replace(document.getElementById("next").href);
};
addEventListener("load", lead);
setTimeout(lead, 5000);
