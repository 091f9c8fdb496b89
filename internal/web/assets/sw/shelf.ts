// What is kept for when there is no network: pages and what they load, listed by the server with a version of each.

/** What the worker remembers between two of its lives. None of it says what was read. */
export interface Kept {
  /** The languages in which pages were opened, and the last of them. */
  langs: string[];
  last: string;
  /** Whether everything is kept, and not only the small shelf. */
  full: boolean;
  /** Whether she had what is kept taken away: nothing is kept then, until she asks for it. */
  refused: boolean;
  /** Whether the app stands on this device under its neutral name. */
  neutral: boolean;
  /** When the server was last asked, by build and language. */
  at: Record<string, number>;
  /** What a notice says, by language. */
  words: Record<string, { plain: string; neutral: string }>;
}

interface List {
  pages: { url: string; version: string; small?: boolean }[];
  assets: { url: string; small?: boolean }[];
  words: { plain: string; neutral: string };
}

const memory = "vigie-kept";
const memoryAt = "/kept.json";

// What may be on the shelf. The rooms that are not here never have the worker in their way: the chat, messages, the four words,
// envelopes, the quick exit, the partners' button, and everything of the staff.
const rooms = ["young", "parents", "professionals", "guides", "cards", "news", "quiz", "vault", "numbers", "privacy", "app", "offline", "legal", "accessibility", "partners", "press", "figures", "media"];
const known = new RegExp(`^(/en)?(/(${rooms.join("|")})(/[^?]*)?)?/?$`);
const never = /^(\/en)?\/vault\/share$/;

/** Whether the page at a path is one that could be on the shelf. */
export function listed(path: string): boolean {
  return known.test(path) && !never.test(path);
}

export async function remembered(): Promise<Kept> {
  const fresh: Kept = { langs: [], last: "fr", full: false, refused: false, neutral: false, at: {}, words: {} };
  if (!(await caches.has(memory))) return fresh;
  const there = await (await caches.open(memory)).match(memoryAt);
  return there ? { ...fresh, ...((await there.json()) as Partial<Kept>) } : fresh;
}

let turn: Promise<unknown> = Promise.resolve();

/** Changes what is remembered, one change after another, and returns what was there before. */
export function change(how: (kept: Kept) => unknown): Promise<Kept> {
  const done = turn.then(async () => {
    const before = await remembered();
    const after = { ...before };
    how(after);
    await (await caches.open(memory)).put(memoryAt, Response.json(after));
    return before;
  });
  turn = done.catch(() => undefined);
  return done;
}

/** Puts on the shelf what the server lists in a language, taking from any earlier shelf what is the same. It throws where there is no network. */
export async function shelves(shelf: string, lang: string, full: boolean): Promise<void> {
  const listAt = `${lang === "en" ? "/en" : ""}/sw-pages.json`;
  const response = await fetch(listAt, { credentials: "omit", cache: "no-cache" });
  if (!response.ok) throw new TypeError("no list");
  const list = (await response.clone().json()) as List;
  const cache = await caches.open(shelf);
  const old = await versions(listAt);
  const wanted = [
    ...list.pages.filter((p) => full || p.small).map((p) => ({ url: p.url, same: old.get(p.url) === p.version })),
    ...list.assets.filter((a) => full || a.small).map((a) => ({ url: a.url, same: true })),
  ];
  // Four at a time: a telephone on a slow line has other things to do.
  const queue = wanted.values();
  await Promise.all(
    [0, 1, 2, 3].map(async () => {
      for (const { url, same } of queue) {
        const there = same ? ((await cache.match(url)) ?? (await caches.match(url))) : undefined;
        if (there) {
          await cache.put(url, there);
          continue;
        }
        // As nobody: a page that is spoken to somebody is not for the shelf.
        const page = await fetch(url, { credentials: "omit", cache: "no-cache" });
        if (page.ok && !page.redirected) await cache.put(url, page);
      }
    }),
  );
  const stay = new Set(list.pages.map((p) => p.url).concat(list.assets.map((a) => a.url), listAt));
  for (const request of await cache.keys()) {
    const { pathname, search } = new URL(request.url);
    const english = /^\/en(\/|$)/.test(pathname);
    const shared = /^\/(assets|icons|media)\//.test(pathname);
    if (!shared && english === (lang === "en") && !stay.has(pathname + search)) await cache.delete(request);
  }
  await change((kept) => {
    kept.words = { ...kept.words, [lang]: list.words };
  });
  await cache.put(listAt, response);
}

/** The versions of what is kept of a language, on whatever shelf. */
async function versions(listAt: string): Promise<Map<string, string>> {
  const there = await caches.match(listAt);
  const list = there ? ((await there.json()) as List) : undefined;
  return new Map(list?.pages.map((p) => [p.url, p.version]));
}
