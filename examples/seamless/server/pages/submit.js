"use strict";
// This script sends the form with the answer to the application.
document.getElementById("answer").submit();
