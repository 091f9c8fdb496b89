// The console: everything of the chat, and what only the desk has.
import "./live-stream";
import "./chat-log";
import "./chat-composer";
import "./seen-marker";
import "./count-down";
import "./ring-bell";
import "./soft-phone";
import "./alert-list";
import "./auto-save";
import "./filter-list";
import "./page-editor";
import "./command-bar";
import "./theme-switch";
import "./copy-text";
import "./figures-count";
import "./uncovered-picture";
import "./quick-exit";
import "./passkey";
import "./earlier";
import "./live-floor";
import "./replay-player";
import "./cut-key";
import { follow, plainly, quickly, renew } from "./quick";
import { stay } from "./stay";

// The desk stays: its forms and links answer with pieces, so that what is typed in one conversation
// survives what is done in another. data-plain asks for a new page.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || form.method !== "post" || event.defaultPrevented) return;
  if (form.closest("auto-save, chat-composer, theme-switch")) return;
  if (form.closest("[data-plain]")) {
    plainly(form, event);
    return;
  }
  event.preventDefault();
  void quickly(form, event.submitter);
});
document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[data-quick], a.contact-title") : null;
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  void follow(link);
});

// The stream says which conversations are mine: the others leave the page.
document.addEventListener("vigie:mine", (event) => {
  const mine = new Set((event as CustomEvent<string>).detail.split(" "));
  for (const talk of document.querySelectorAll("#talks > [id^=talk-]")) {
    if (!mine.has(talk.id.slice("talk-".length))) talk.remove();
  }
  for (const form of document.querySelectorAll("#panel > [id^=panel-]")) {
    if (!mine.has(form.id.slice("panel-".length))) form.remove();
  }
});

// The conversation whose form is open is framed, marked in the list, and brought in sight when it changes.
// A card that comes down the stream knows neither this nor its place, which are the page's own: Alt 1 is
// the first of the list as it stands.
let current = "";
function frame(): void {
  const id = document.querySelector("#panel > .panel-inside")?.id.replace(/^panel-/, "") ?? "";
  for (const talk of document.querySelectorAll("#talks > .talk")) talk.classList.toggle("talk-current", talk.id === `talk-${id}`);
  const list = document.getElementById("mine");
  [...(list?.children ?? [])].forEach((card, at) => {
    const title = card.querySelector(".contact-title");
    card.classList.toggle("contact-current", card.id === `c-${id}`);
    if (card.id === `c-${id}`) title?.setAttribute("aria-current", "page");
    else title?.removeAttribute("aria-current");
    number(card, title, at < 9 ? at + 1 : 0);
  });
  if (id && current && id !== current) document.getElementById(`talk-${id}`)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  current = id || current;
}

function number(card: Element, title: Element | null, n: number): void {
  const words = (document.getElementById("mine")?.dataset["keys"] ?? "").replace("#", String(n));
  let key = card.querySelector("kbd");
  if (!n || !title || !words) {
    key?.remove();
    title?.removeAttribute("data-shortcut");
    title?.removeAttribute("aria-keyshortcuts");
    return;
  }
  if (!key) {
    key = document.createElement("kbd");
    key.className = "button-key";
    card.querySelector(".contact-middle")?.append(key);
  }
  if (key.textContent !== words) key.textContent = words;
  title.setAttribute("data-shortcut", `alt+${n}`);
  title.setAttribute("aria-keyshortcuts", `Alt+${n}`);
}
document.addEventListener("vigie:update", frame);
frame();

// A danger piece that opens beside the conversation that is open (a protocol, an address that is held) is brought
// in sight, once: what she scrolled to afterwards stays.
let beside = "";
let known = new Set<string>();
function reveal(): void {
  const panel = document.querySelector("#panel > .panel-inside")?.id ?? "";
  const pieces = [...document.querySelectorAll("#panel .hold:not(:empty), #panel .protocols > [id]")];
  if (panel === beside) pieces.find((piece) => !known.has(piece.id))?.scrollIntoView({ block: "nearest" });
  beside = panel;
  known = new Set(pieces.map((piece) => piece.id));
}
document.addEventListener("vigie:update", reveal);
reveal();

// Questions that make no sense beside the other answers are hidden, and come when an answer asks for them.
function ask(): void {
  for (const list of document.querySelectorAll<HTMLElement>("[data-unasked]")) {
    const unasked = new Set((list.dataset["unasked"] ?? "").split(" "));
    for (const question of document.querySelectorAll<HTMLElement>(`[id^="ask-${list.dataset["of"] ?? ""}-"]`)) {
      question.hidden = unasked.has(question.dataset["ask"] ?? "");
    }
  }
}
document.addEventListener("vigie:update", ask);

// After a break the stream draws the conversations again; the form that is open is asked for. It may be another
// counsellor's by now: then the stream takes it away, and this desk, with its softphone, stays.
document.addEventListener("vigie:back", () => {
  const link = document.querySelector<HTMLAnchorElement>(".talk-current a[data-aside]");
  if (link) void renew(link);
});

// data-shortcut="alt+a" on a button or link: the keys press it, wherever the focus is. Of several in sight,
// the one of the current conversation wins. Letters are those printed on the keyboard (the A of an AZERTY
// one); digits are their keys, with or without Shift; a Mac's Alt writes other signs, so there the key counts.
document.addEventListener("keydown", (event) => {
  if (!event.altKey || event.ctrlKey || event.metaKey) return;
  const digit = event.code.match(/^(?:Digit|Numpad)(\d)$/)?.[1];
  const letter = /^[a-z]$/i.test(event.key) ? event.key : event.code.replace(/^Key/, "");
  const keys = `alt+${(digit ?? letter).toLowerCase()}`;
  const inSight = [...document.querySelectorAll<HTMLElement>(`[data-shortcut="${CSS.escape(keys)}"]`)].filter((b) => b.offsetParent !== null);
  const button = inSight.find((b) => b.closest(".talk-current")) ?? inSight[0];
  if (!button) return;
  event.preventDefault();
  button.click();
});

// A picture that cannot be shown says so in words (data-broken), where a browser would draw a torn page.
document.addEventListener(
  "error",
  (event) => {
    const picture = event.target;
    const words = picture instanceof HTMLImageElement ? picture.dataset["broken"] : "";
    if (!(picture instanceof HTMLImageElement) || !words) return;
    const said = document.createElement("p");
    said.setAttribute("role", "status");
    said.textContent = words;
    picture.replaceWith(said);
  },
  true,
);

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

// Last, after all that answers to a click or a form itself.
stay();
