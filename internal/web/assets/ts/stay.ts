import { sentence } from "./element";
import { parsePage } from "./html";
import { place } from "./update";
import { here, visitBy } from "./visit";

// While the softphone is alive (data-alive) no way through the console leaves the document: links, forms,
// Back and Forward fetch the page and exchange everything in <body> but the softphone, so that the call never
// hears of it. Otherwise the browser goes its own way. A page that cannot be had is a sentence, and the call
// goes on; what would leave the console is asked about (beforeunload, soft-phone.ts).
//
// Back beyond the page on which the call began would leave the document, and no script may hold it back. So a
// second entry of that page is laid into the history as soon as the softphone is alive: Back then arrives at
// the first one, in this document, and is led to the page before it.

const phone = (): HTMLElement | null => document.querySelector<HTMLElement>("body > soft-phone");
const alive = (): boolean => !!phone()?.hasAttribute("data-alive");
const ours = (url: URL): boolean => url.origin === location.origin && /^\/(desk|admin)(\/|$)/.test(url.pathname);

interface Mark {
  /** This entry was made by us. */
  stay: true;
  scroll?: number;
}

interface Entries {
  currentEntry: { index: number } | null;
  entries(): { url: string | null; index: number }[];
}

let turn = 0;
let back = 0;
let guarded = false;

export function stay(): void {
  visitBy((url) => (alive() ? void go(new URL(url, location.href).href, "push", true) : location.assign(url)));
  new MutationObserver(() => alive() && guard()).observe(document.body, { subtree: true, attributeFilter: ["data-alive"] });
  if (alive()) guard();

  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[href]") : null;
    if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (!alive() || link.hasAttribute("download") || (link.target && link.target !== "_self") || !ours(new URL(link.href))) return;
    if (link.hash && address(link.href) === address(location.href)) return; // a place on this page
    event.preventDefault();
    void go(link.href, "push");
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || event.defaultPrevented || !alive() || form.target) return;
    const url = new URL(form.action);
    if (!ours(url)) return;
    const data = new FormData(form, event.submitter);
    if (form.method === "get") {
      url.search = fields(data).toString();
      event.preventDefault();
      void go(url.href, "push");
    } else if (form.method === "post" && url.pathname !== "/desk/logout") {
      event.preventDefault();
      void go(url.href, "push", false, { method: "POST", body: form.enctype === "multipart/form-data" ? data : fields(data) });
    }
  });

  window.addEventListener("popstate", () => {
    const mark = history.state as Mark | null;
    const before = here();
    if (before !== location.href && address(before) === address(location.href)) return; // a place on this page
    if (mark?.stay) {
      if (alive()) void go(location.href, "none", false, undefined, mark.scroll ?? 0);
      else location.reload();
    } else if (alive() && guarded) {
      back += 1;
      const last = entryBefore(back) ?? location.href;
      history.pushState({ stay: true } satisfies Mark, "", last);
      here();
      void go(last, "none");
    } else if (before !== location.href) {
      location.reload();
    }
  });
}

function fields(data: FormData): URLSearchParams {
  const all = new URLSearchParams();
  for (const [name, value] of data) if (typeof value === "string") all.append(name, value);
  return all;
}

function address(href: string): string {
  return href.replace(/#.*/, "");
}

/** Lays a second entry of this page over the first. */
function guard(): void {
  if (guarded || (history.state as Mark | null)?.stay) return;
  guarded = true;
  history.pushState({ stay: true } satisfies Mark, "", location.href);
}

/** The address of the entry so many before the one that Back has arrived at, where the browser tells. */
function entryBefore(steps: number): string | undefined {
  const list = (window as { navigation?: Entries }).navigation;
  const at = list?.currentEntry?.index;
  const url = at === undefined ? document.referrer : list?.entries()[at - steps]?.url;
  return url && ours(new URL(url)) ? url : undefined;
}

/**
 * Shows another page of the console in this one. leaves says that a page without the console (the log-in after
 * logging out) is gone to all the same.
 */
async function go(href: string, entry: "push" | "none", leaves = false, request: RequestInit = {}, scroll = 0): Promise<void> {
  const mine = (turn += 1);
  document.getElementById("main")?.setAttribute("aria-busy", "true");
  let page: Document | undefined;
  let words = "";
  let url = href;
  try {
    const response = await fetch(href, { credentials: "same-origin", headers: { Accept: "text/html" }, ...request });
    if (mine !== turn) return;
    if (response.redirected) url = response.url + new URL(href).hash;
    const kind = response.headers.get("Content-Type") ?? "";
    if (response.ok && !kind.startsWith("text/html")) {
      // A file: it opens beside the call.
      document.getElementById("main")?.removeAttribute("aria-busy");
      await response.body?.cancel();
      window.open(url, "_blank", "noopener");
      return;
    }
    const copy = response.clone();
    const found = parsePage(await response.text());
    if (found.body.classList.contains("desk")) page = found;
    else words = await sentence(copy);
  } catch {
    // No network: the sentence says so.
  }
  if (mine !== turn) return;
  document.getElementById("main")?.removeAttribute("aria-busy");
  if (page) {
    if (entry === "push") {
      history.replaceState({ ...(history.state as Mark | null), stay: true, scroll: window.scrollY } satisfies Mark, "");
      history.pushState({ stay: true } satisfies Mark, "", url);
      here();
      back = 0;
    }
    exchange(page, url, scroll);
  } else if (leaves) {
    location.assign(url);
  } else {
    fail(words);
  }
}

function exchange(page: Document, url: string, scroll: number): void {
  const kept = phone();
  if (!kept) return;
  const fresh = page.querySelector<HTMLElement>("body > soft-phone");
  // A page without a stream of its own keeps this one: what becomes of the call must be heard.
  const stream = page.querySelector("body > live-stream") ? null : document.querySelector("body > live-stream");
  for (const node of [...document.body.childNodes]) if (node !== kept && node !== stream) node.remove();
  document.body.className = page.body.className;
  document.documentElement.lang = page.documentElement.lang;
  const theme = page.documentElement.getAttribute("data-theme");
  if (theme) document.documentElement.setAttribute("data-theme", theme);
  else document.documentElement.removeAttribute("data-theme");
  document.title = page.title; // what rang has put its own back by now
  let after = false;
  for (const node of [...page.body.childNodes]) {
    if (node === fresh) after = true;
    else if (after) document.body.append(node);
    else kept.before(node);
  }
  const call = fresh?.querySelector("[data-phone-call]");
  if (call) place(call.outerHTML);
  document.dispatchEvent(new CustomEvent("vigie:update", { detail: [document.body] }));
  const hash = decodeURIComponent(new URL(url).hash.slice(1));
  const at = (hash && document.getElementById(hash)) || document.querySelector<HTMLElement>("main h1") || document.getElementById("main");
  if (at && !at.hasAttribute("tabindex")) at.setAttribute("tabindex", "-1");
  at?.focus({ preventScroll: true });
  if (hash) at?.scrollIntoView();
  else window.scrollTo(0, scroll);
}

/** Says that the page did not come, above the one that is there. */
function fail(words: string): void {
  const main = document.getElementById("main");
  if (!main) return;
  const said = main.querySelector<HTMLElement>(":scope > [data-stay-fault]") ?? document.createElement("p");
  said.className = "quick-fault";
  said.setAttribute("data-stay-fault", "");
  said.setAttribute("role", "alert");
  if (!said.isConnected) main.prepend(said);
  said.textContent = [phone()?.dataset["sayPage"], words].filter(Boolean).join(" ");
  said.scrollIntoView({ block: "nearest" });
}
