// The console: everything of the chat, htmx for forms and panels, and what only the desk has.
import htmx from "htmx.org";

import "./live-stream";
import "./chat-log";
import "./chat-composer";
import "./seen-marker";
import "./count-down";
import "./ring-bell";
import "./auto-save";
import "./filter-list";
import "./command-bar";
import "./theme-switch";
import "./copy-text";
import "./quick-exit";

// What the stream brings may carry htmx attributes too.
document.addEventListener("vigie:update", (event) => {
  for (const piece of (event as CustomEvent<Element[]>).detail) htmx.process(piece);
});

// data-shortcut="alt+a" on a button: the keys press it, wherever the focus is. The first one in sight wins.
document.addEventListener("keydown", (event) => {
  if (!event.altKey || event.ctrlKey || event.metaKey) return;
  const keys = `alt+${event.code.replace(/^(Key|Digit)/, "").toLowerCase()}`;
  const button = [...document.querySelectorAll<HTMLElement>("[data-shortcut]")].find((b) => b.dataset["shortcut"] === keys && b.offsetParent !== null);
  if (!button) return;
  event.preventDefault();
  button.click();
});

// One menu at a time, closed by Escape or by a click elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
    if (!menu.contains(event.target as Node)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  }
});
