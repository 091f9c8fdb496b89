// How a piece of page that comes from the server finds its place. Every live answer speaks this one
// language, down the stream and in the answer to a post:
//
//   an element whose id is on the page replaces it;
//   else it is added to the element that its data-into names (an id); with none it is dropped;
//   data-gone takes the element of that id away; data-once leaves one that is there as it is; data-only takes away
//   from the list of that id whatever is not among its data-ids;
//   data-seq keeps the children of a list in order, whatever the order they come in; what has none (a
//   message on its way) stays last;
//   what the reader is in is left alone: an element that holds the focus is replaced when the focus
//   leaves it (at once when its data-state changes: a call that is over is not held back by an open menu),
//   one with data-keep never, and inside a replaced element a data-keep element with the
//   same id is kept as it is, with what was typed in it; a <details> with an id that is open stays open, and
//   the sentence of a refusal (quick.ts) stays where it was, because it must not vanish before it is read.

import { parse } from "./html";

const waiting = new Map<string, Element>();

/** Puts the elements of html where they belong and returns those now on the page. */
export function place(html: string): Element[] {
  const placed: Element[] = [];
  const pieces = [...parse(html).children];
  for (const piece of pieces) {
    const there = placeOne(piece);
    if (there) placed.push(there);
  }
  // What was taken away changes the page too: the keys of a list are counted anew.
  if (placed.length > 0 || pieces.some((piece) => piece.hasAttribute("data-gone") || piece.hasAttribute("data-only"))) document.dispatchEvent(new CustomEvent("vigie:update", { detail: placed }));
  return placed;
}

function placeOne(piece: Element): Element | undefined {
  const there = piece.id ? document.getElementById(piece.id) : null;
  if (piece.hasAttribute("data-gone")) {
    waiting.delete(piece.id);
    there?.remove();
    return undefined;
  }
  if (there && piece.hasAttribute("data-once")) return undefined;
  const only = piece.getAttribute("data-only");
  if (only !== null) {
    const ids = new Set((piece.getAttribute("data-ids") ?? "").split(" "));
    for (const child of [...(document.getElementById(only)?.children ?? [])]) if (!ids.has(child.id)) child.remove();
    return undefined;
  }
  if (there) return replace(there, piece);
  const into = document.getElementById(piece.getAttribute("data-into") ?? "");
  if (!into) return undefined;
  into.append(piece);
  order(piece);
  return piece;
}

function replace(there: Element, piece: Element): Element | undefined {
  if (there.hasAttribute("data-keep")) return undefined;
  const focused = document.activeElement;
  if (focused && focused !== document.body && there.contains(focused) && holdsWork(focused) && there.getAttribute("data-state") === piece.getAttribute("data-state")) {
    const first = !waiting.has(piece.id);
    waiting.set(piece.id, piece);
    if (first) replaceWhenLeft(there);
    return undefined;
  }
  waiting.delete(piece.id); // older than this one
  const open = [there, ...there.querySelectorAll("details[id]")].filter((d) => d instanceof HTMLDetailsElement && d.open).map((d) => d.id);
  const focusId = focused && there.contains(focused) ? focused.id : "";
  for (const fresh of piece.querySelectorAll("[data-keep][id]")) {
    const kept = document.getElementById(fresh.id);
    if (kept && there.contains(kept)) fresh.replaceWith(kept);
  }
  for (const said of there.querySelectorAll("[data-quick-fault]")) {
    const action = said.previousElementSibling?.getAttribute("action");
    const form = action ? piece.querySelector(`form[action="${CSS.escape(action)}"]`) : null;
    form?.after(said);
  }
  there.replaceWith(piece);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  order(piece); // before the focus, which what is moved loses
  if (focusId) document.getElementById(focusId)?.focus({ preventScroll: true });
  return piece;
}

/** A field being filled or an open menu is work; a mere link or log that has the focus is not, nor an empty composer. */
function holdsWork(focused: Element): boolean {
  if (focused instanceof HTMLTextAreaElement && focused.closest("chat-composer")) return focused.value !== "";
  return focused.matches("input, textarea, select, [contenteditable]") || focused.closest("details[open] .menu-sheet, dialog") !== null;
}

function replaceWhenLeft(there: Element): void {
  const later = (): void => {
    // The focus is on its way to another element: look once it has arrived.
    setTimeout(() => {
      if (there.contains(document.activeElement)) return;
      there.removeEventListener("focusout", later);
      const piece = waiting.get(there.id);
      waiting.delete(there.id);
      if (!piece || !there.isConnected) return;
      const now = replace(there, piece);
      if (now) document.dispatchEvent(new CustomEvent("vigie:update", { detail: [now] }));
    });
  };
  there.addEventListener("focusout", later);
}

/** Moves an element only when it is out of place, so that a live region does not say it twice. */
export function order(piece: Element): void {
  const seq = number(piece);
  const list = piece.parentElement;
  if (seq === undefined || !list) return;
  const [previous, next] = [piece.previousElementSibling, piece.nextElementSibling];
  if ((!previous || (number(previous) ?? Infinity) <= seq) && (!next || seq < (number(next) ?? Infinity))) return;
  let before: Element | null = null;
  for (let other = list.lastElementChild; other; other = other.previousElementSibling) {
    if (other === piece) continue;
    const theirs = number(other);
    if (theirs !== undefined && theirs <= seq) break;
    before = other;
  }
  if (piece.nextElementSibling !== before) list.insertBefore(piece, before);
}

function number(element: Element): number | undefined {
  const seq = element.getAttribute("data-seq");
  return seq === null ? undefined : Number(seq);
}
