// The service worker: what of the site is there without a network, what was shared with the vault from elsewhere on the
// telephone, and the notice that somebody answered.
//
// What it keeps is a shelf, the same for everybody, listed by the server (/sw-pages.json): it never says what somebody read. A
// browser that only passes by keeps the small shelf (the numbers, the doors, a page that says that there is no network); the
// whole of it is for who installed the app or asked for it. A page is never kept because it was visited.
//
// It answers for the pages of the shelf and their assets, and for nothing else: whatever is not on the shelf goes to the network as
// if there were no worker. It opens no database but the inbox of the vault, and erases nothing there.
import { leaveForm } from "../ts/vault-inbox";
import { change, listed, remembered, shelves } from "./shelf";

declare const self: ServiceWorkerGlobalScope;
/** The content of everything that the build made; the shelf of another build is another one. */
declare const BUILD: string;

const shelf = `vigie-shelf-${BUILD}`;

/** How long a page is waited for before the shelf answers in its place. */
const patience = 3000;
/** How often the server is asked for a newer list, at most. */
const stale = 60 * 60_000;

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin) return;
  if (request.method === "POST") {
    // What another site sends goes on to the server, which refuses it.
    if (request.mode === "navigate" && /^(\/en)?\/vault\/share$/.test(url.pathname) && !fromElsewhere(request)) event.respondWith(share(request));
    return;
  }
  if (request.method !== "GET") return;
  if (request.mode === "navigate") {
    // Only what could be on the shelf: the rest of the house has no worker in its way.
    if (listed(url.pathname)) event.respondWith(page(event));
  } else if (url.pathname.startsWith("/assets/") || url.pathname.startsWith("/icons/") || url.pathname.startsWith("/media/")) {
    event.respondWith(asset(request));
  }
});

/** A page comes from the network, as it is now; the shelf answers where that takes too long or fails. */
async function page(event: FetchEvent): Promise<Response> {
  const { request } = event;
  const fresh = fetch(request);
  event.waitUntil(fresh.then(() => undefined, () => undefined));
  const late = new Promise<"late">((resolve) => setTimeout(() => resolve("late"), patience));
  try {
    const first = await Promise.race([fresh, late]);
    if (first === "late") return (await kept(request)) ?? (await fresh);
    // What stands before the house and does not reach it.
    return first.status >= 502 && first.status <= 504 ? ((await kept(request)) ?? first) : first;
  } catch {
    return (await kept(request)) ?? (await withoutNetwork(request));
  }
}

async function kept(request: Request | string): Promise<Response | undefined> {
  const cache = await caches.open(shelf);
  return cache.match(request, { ignoreSearch: true, ignoreVary: true });
}

/** The page that says that there is no network, in the language of the one that was asked for, or in another that is kept. */
async function withoutNetwork(request: Request): Promise<Response> {
  const english = /^\/en(\/|$)/.test(new URL(request.url).pathname);
  for (const path of english ? ["/en/offline", "/offline"] : ["/offline", "/en/offline"]) {
    const there = await kept(path);
    if (there) return there;
  }
  return Response.error();
}

/** An asset has another address when its content is another: what is kept is right. */
async function asset(request: Request): Promise<Response> {
  return (await kept(request)) ?? fetch(request);
}

/**
 * Whether a request says that another site made it. A telephone that shares names no site; nor does a site that hides itself, and browsers put
 * Sec-Fetch-Site on only after us. So what is left for the vault is nothing but an offer: the vault asks about each thing.
 */
function fromElsewhere({ headers, referrer }: Request): boolean {
  if (headers.get("Sec-Fetch-Site") === "cross-site") return true;
  return [referrer, headers.get("Origin") ?? ""].some((said) => /^https?:/.test(said) && new URL(said).origin !== self.location.origin);
}

/** What is shared with the app is sealed for the vault and left in its inbox, on this device; nothing of it is sent anywhere. */
async function share(request: Request): Promise<Response> {
  const vault = new URL(request.url).pathname.replace(/\/share$/, "");
  const refused = (why: string): Response => Response.redirect(`${vault}/share?why=${why}`, 303);
  try {
    return (await leaveForm(await request.formData())) === "none" ? refused("none") : Response.redirect(vault, 303);
  } catch (fault) {
    const { code } = fault as { code?: unknown };
    return refused(code === "large" || code === "space" ? code : "worker");
  }
}

async function install(): Promise<void> {
  const { langs, full, refused } = await remembered();
  // A new build keeps for every language what the one before it kept, before it takes its place: nothing is missing in between.
  if (!refused) for (const lang of langs) await shelves(shelf, lang, full);
  if (await nobodyMinds()) await self.skipWaiting();
}

async function activate(): Promise<void> {
  for (const name of await caches.keys()) {
    if (name.startsWith("vigie-shelf-") && name !== shelf) await caches.delete(name);
  }
  await self.clients.claim();
}

/** Asks every page that the worker could answer for whether it holds something that is not kept yet; silence is a yes. */
async function nobodyMinds(): Promise<boolean> {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const answers = pages
    .filter((client) => listed(new URL(client.url).pathname))
    .map(
      (client) =>
        new Promise<boolean>((resolve) => {
          const { port1, port2 } = new MessageChannel();
          setTimeout(() => resolve(false), 1500);
          port1.onmessage = ({ data }) => resolve(data === "free");
          client.postMessage({ vigie: "may-i" }, [port2]);
        }),
    );
  return (await Promise.all(answers)).every(Boolean);
}

/** What our pages say (ts/offline.ts). */
interface Said {
  vigie?: "here" | "keep" | "forget" | "activate" | "shelf";
  lang?: string;
  installed?: boolean;
  neutral?: boolean;
}

self.addEventListener("message", (event) => {
  const said = (event.data ?? {}) as Said;
  const answer = (what: unknown): void => event.ports[0]?.postMessage(what);
  switch (said.vigie) {
    case "here":
      event.waitUntil(here(said));
      break;
    case "keep":
      event.waitUntil(keep(said).then(() => answer("kept"), () => answer("failed")));
      break;
    case "forget":
      event.waitUntil(forget().then(() => answer("forgotten"), () => answer("failed")));
      break;
    case "activate":
      event.waitUntil(nobodyMinds().then((free) => (free ? self.skipWaiting() : undefined)));
      break;
    case "shelf":
      event.waitUntil(remembered().then((known) => answer(known.full ? "full" : "small")));
      break;
  }
});

const language = (said: Said): string => (said.lang === "en" ? "en" : "fr");

/** A page was opened: its language is kept from now on, and what is old is asked for anew. */
async function here(said: Said): Promise<void> {
  const lang = language(said);
  const before = await change((known) => {
    known.langs = [...new Set([...known.langs, lang])];
    known.last = lang;
    known.neutral = said.neutral ?? known.neutral;
  });
  // She had the pages taken away: they come back when she asks for them.
  if (before.refused) return;
  const full = before.full || !!said.installed;
  if (full === before.full && Date.now() - (before.at[mark(lang)] ?? 0) < stale) return;
  try {
    await stock(lang, full);
  } catch {
    // Without a network the shelf stays as it is.
  }
}

async function keep(said: Said): Promise<void> {
  await change((known) => (known.refused = false));
  await stock(language(said), true);
}

const mark = (lang: string): string => `${BUILD} ${lang}`;

async function stock(lang: string, full: boolean): Promise<void> {
  await shelves(shelf, lang, full);
  // Taken away while it came.
  if ((await remembered()).refused) return forget();
  await change((known) => {
    known.langs = [...new Set([...known.langs, lang])];
    known.last = lang;
    known.full = known.full || full;
    known.at = { ...known.at, [mark(lang)]: Date.now() };
  });
}

/** The shelf is taken away, and stays away until she asks for it; the vault is another thing, and stays. */
async function forget(): Promise<void> {
  await change((known) => Object.assign(known, { langs: [], full: false, refused: true, at: {} }));
  for (const name of await caches.keys()) if (name.startsWith("vigie-shelf-")) await caches.delete(name);
}

// Somebody answered. What is shown says nothing of us or of her, and opens where the answer is.
self.addEventListener("push", (event) => event.waitUntil(notice()));

async function notice(): Promise<void> {
  const { last, neutral, words } = await remembered();
  const said = words[last] ?? words["fr"];
  const text = (neutral ? said?.neutral : said?.plain) ?? "•";
  await self.registration.showNotification(text, { tag: "vigie", icon: `/icons/${neutral ? "notes" : "mark"}-192.png`, badge: "/icons/dot-96.png", lang: last });
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(openAnswer());
});

/** The conversation where this browser still has one, the four words where it has not: the server knows (/chat/back). */
async function openAnswer(): Promise<void> {
  const { last } = await remembered();
  const path = `${last === "en" ? "/en" : ""}/chat/back`;
  for (const client of await self.clients.matchAll({ type: "window" })) {
    if (/^(\/en)?\/(chat|message\/left)$/.test(new URL(client.url).pathname)) {
      await client.focus();
      return;
    }
  }
  await self.clients.openWindow(path);
}
