// Comfort for pages that can be read without it.
"use strict";

// Choices take effect at once; the button is for those without a script.
for (const form of document.querySelectorAll("form.filter")) {
  form.addEventListener("change", (event) => {
    if (event.target.matches("select, input[type=date]")) form.requestSubmit();
  });
  // What is empty has no place in an address.
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });
}

// `/` goes to the first field of a search.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const field = document.querySelector("form[role=search] input:not([type=hidden])");
    if (field) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  }
  if (event.key === "Escape") {
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
});
document.addEventListener("click", (event) => {
  const menu = document.querySelector("details.menu[open]");
  if (menu && !menu.contains(event.target)) menu.open = false;
});

// On a narrow screen the ways to the pages scroll: the one where one is should be seen.
// It is scrolled by hand: to scroll it into view would also be where keys go on from.
const ways = document.querySelector("header.top nav");
const here = ways?.querySelector("[aria-current]");
if (here) ways.scrollLeft = here.offsetLeft - ways.offsetLeft - (ways.clientWidth - here.offsetWidth) / 2;

// A comparison that is not finished yet is looked for again.
const comparing = document.querySelector("[data-reload]");
if (comparing) setTimeout(() => location.reload(), Number(comparing.dataset.reload));

// Decisions as they are made. Texts are put in as texts, whatever they are.
const live = document.getElementById("live");
if (live) {
  const MOST = 200;
  const status = document.getElementById("live-status");
  const pause = document.getElementById("live-pause");
  let paused = false;
  let held = [];
  const say = (name) => {
    status.textContent = status.dataset[name];
    status.dataset.state = name;
  };
  const cell = (row, text, wrap) => {
    const cell = row.insertCell();
    const inner = wrap ? cell.appendChild(document.createElement(wrap)) : cell;
    inner.textContent = text ?? "";
    return inner;
  };
  const show = (seen) => {
    let body = document.getElementById("records");
    if (!body) {
      location.reload();
      return;
    }
    const row = body.insertRow(0);
    row.className = "new";
    const at = cell(row, seen.time.slice(0, 19).replace("T", " "), "time");
    at.dateTime = seen.time;
    const verdict = cell(row, seen.allow ? live.dataset.allow : seen.code, "span");
    verdict.className = "verdict " + (seen.allow ? "allow" : "deny");
    cell(row, seen.principal);
    cell(row, seen.action, "code");
    cell(row, seen.resource);
    cell(row, seen.rule);
    cell(row, seen.surface).className = "muted";
    while (body.rows.length > MOST) body.deleteRow(-1);
  };
  const events = new EventSource(live.dataset.events);
  events.onopen = () => say(paused ? "paused" : "watching");
  events.onerror = () => say("waiting");
  events.onmessage = (event) => {
    const seen = JSON.parse(event.data);
    if (paused) held = [...held, seen].slice(-MOST);
    else show(seen);
  };
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    say(paused ? "paused" : "watching");
    held.forEach(show);
    held = [];
  });
}
