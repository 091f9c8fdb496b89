// What every journey stands on: `import { test, expect } from "./vigie"`. A test gets the page of one
// person, and `someone` for each further one (a child on her phone and a counsellor at a desk, at once).
// Whoever it is, the test fails on a violation of the content security policy, on an error in a page, or
// on a request to anybody but us.
import { test as base, expect, type BrowserContext, type BrowserContextOptions, type Page } from "@playwright/test";
import axe from "axe-core";
import { resolve } from "node:path";
import { openHelpline, type Helpline } from "./helpline";

export { expect };

/** What must not happen, and what a test says will. */
export class Guard {
  readonly breaches: string[] = [];
  private readonly elsewhere = new Set<string>();

  constructor(private readonly home: string) {}

  /** Says that this page leaves for another site (the quick exit), which answers with an empty page once its time has come. */
  async leavesFor(page: Page, url: string, ready: Promise<unknown> = Promise.resolve()): Promise<void> {
    const { origin } = new URL(url);
    this.elsewhere.add(origin);
    // Playwright's own routes do not see where a redirect leads; Chromium's do.
    const chromium = await page.context().newCDPSession(page);
    chromium.on("Fetch.requestPaused", async ({ requestId }) => {
      await ready;
      const responseHeaders = [{ name: "Content-Type", value: "text/html" }];
      await chromium.send("Fetch.fulfillRequest", { requestId, responseCode: 200, responseHeaders, body: btoa("<title>elsewhere</title>") });
    });
    await chromium.send("Fetch.enable", { patterns: [{ urlPattern: `${origin}/*` }] });
  }

  async watch(context: BrowserContext): Promise<void> {
    const breach = (what: string) => this.breaches.push(what);
    context.on("request", (request) => {
      const { protocol, origin } = new URL(request.url());
      if (["data:", "blob:", "about:"].includes(protocol) || origin === new URL(this.home).origin) return;
      if (!this.elsewhere.has(origin)) breach(`a request to ${origin}`);
    });
    context.on("weberror", (error) => breach(`an error in a page: ${error.error().stack ?? error.error().message}`));
    context.on("console", (message) => {
      // A page that answers 404 or 422 is written to the console too; the journeys look at those themselves.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
        breach(`the console of ${message.page()?.url()}: ${message.text()}`);
      }
    });
    await context.exposeFunction("vigieBreach", breach);
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (violation) => {
        const { vigieBreach } = window as unknown as { vigieBreach(what: string): void };
        vigieBreach(
          `${document.URL} broke ${violation.effectiveDirective}: ${violation.blockedURI} ${violation.sample} ` +
            `(${violation.sourceFile}:${violation.lineNumber})`,
        );
      });
    });
  }
}

/** Ends what is still under way with somebody, so that a test finds nobody waiting and no desk with a conversation of the one before it. */
async function leavesNothing(context: BrowserContext): Promise<void> {
  const { request } = context;
  const told = { headers: { "Sec-Fetch-Site": "same-origin" }, maxRedirects: 0, timeout: 5000 };
  try {
    const names = (await context.cookies()).map((c) => c.name);
    if (names.includes("__Host-vigie")) await request.post("/chat/end", told);
    if (!names.includes("__Host-vigie-staff")) return;
    const page = await (await request.get("/desk", told)).text();
    for (const [, id] of page.matchAll(/ id="(?:talk|ring)-([0-9a-f-]{36})"/g)) {
      await request.post(`/desk/contacts/${id}/dismiss`, { ...told, form: { code: "test" } });
    }
  } catch {
    // The helpline was stopped, or she is on a page from before it.
  }
}

/** How somebody at a desk looks at us, whatever the test's own project. */
const desk: BrowserContextOptions = {
  viewport: { width: 1440, height: 900 },
  isMobile: false,
  hasTouch: false,
  javaScriptEnabled: true,
};

/** A home of her own for everybody (RFC 5737), or they would share the limits that each network has. */
const fromHome = () => ({ "X-Forwarded-For": `203.0.113.${(homes = (homes % 254) + 1)}` });
let homes = 0;

/** The persons who came without JavaScript. */
const scriptless = new WeakSet<BrowserContext>();

interface OfTest {
  guard: Guard;
  /** Opens a page for one more person, with her own cookies: at a desk, unless her look is given. */
  someone(look?: BrowserContextOptions): Promise<Page>;
}

interface OfWorker {
  /** Whether the helpline begins with its three months of made-up contacts; `test.use({ past: true })` at the top of a file. */
  past: boolean;
  /** Whether it obeys its opening hours, which a test then publishes; otherwise it is always open. */
  keepsHours: boolean;
  /** Whether it has a telephone (calls.ts). */
  telephone: boolean;
  /**
   * Whether the browser is the whole of Chromium, and not its headless shell: the same engine without a window, which takes a
   * third of the work. What is heard, typed as system keys, or scrolled to the pixel needs the whole.
   */
  wholeBrowser: boolean;
  /** What the helpline is told besides, by the names of `vigie config`: `test.use({ settings: { VIGIE_OFFER_FOR: "2s" } })`. */
  settings: Record<string, string>;
  helpline: Helpline;
}

export const test = base.extend<OfTest, OfWorker>({
  past: [false, { option: true, scope: "worker" }],
  keepsHours: [false, { option: true, scope: "worker" }],
  telephone: [false, { option: true, scope: "worker" }],
  settings: [{}, { option: true, scope: "worker" }],
  wholeBrowser: [false, { option: true, scope: "worker" }],

  launchOptions: [
    ({ launchOptions, wholeBrowser }, use) => use(wholeBrowser ? { ...launchOptions, executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium" } : launchOptions),
    { scope: "worker" },
  ],

  helpline: [
    async ({ past, keepsHours, telephone, settings }, use) => {
      const helpline = await openHelpline({ past, keepsHours, phone: telephone, settings });
      await use(helpline);
      await helpline.stop();
    },
    { scope: "worker", timeout: 240_000 }, // three months of a past take a minute on two busy cores
  ],

  baseURL: async ({ helpline }, use) => use(helpline.url),

  extraHTTPHeaders: async ({}, use) => use(fromHome()),

  guard: async ({ helpline }, use) => {
    const guard = new Guard(helpline.url);
    await use(guard);
    expect(guard.breaches, "content security policy, page errors, requests elsewhere").toEqual([]);
  },

  context: async ({ context, guard, javaScriptEnabled }, use) => {
    if (javaScriptEnabled === false) scriptless.add(context);
    await guard.watch(context);
    await use(context);
    await leavesNothing(context);
  },

  someone: async ({ browser, guard }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async (look) => {
      // What is not said here she has from the test's own project: language, time zone, theme.
      const context = await browser.newContext({ ...desk, extraHTTPHeaders: fromHome(), ...look });
      contexts.push(context);
      if (look?.javaScriptEnabled === false) scriptless.add(context);
      await guard.watch(context);
      return context.newPage();
    });
    for (const context of contexts) await leavesNothing(context);
    // Now and then a Chromium does not say that a window closed; it goes with its browser.
    const patience = new Promise((enough) => setTimeout(enough, 15_000).unref());
    await Promise.race([Promise.all(contexts.map((context) => context.close())), patience]);
  },
});

/** The page, or the part of it given, has no fault that axe can see at WCAG 2.2 A and AA. */
export async function expectAccessible(page: Page, part?: string): Promise<void> {
  const looked = scriptless.has(page.context()) ? await scriptfulCopy(page) : page;
  // Once for each page that is loaded: reading it takes longer than many a page takes to be looked at.
  if (!(await looked.evaluate(() => "axe" in window))) await looked.evaluate(axe.source);
  const violations = await looked.evaluate(async (part) => {
    const { axe } = window as unknown as { axe: typeof import("axe-core") };
    const runOnly = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"];
    return (await axe.run(part ?? document, { runOnly, resultTypes: ["violations"] })).violations;
  }, part);
  if (looked !== page) await looked.context().close();
  const faults = violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help} (${node.target.join(" ")}) ${node.failureSummary ?? ""}`),
  );
  expect(faults, `axe on ${page.url()}`).toEqual([]);
}

/**
 * axe is JavaScript itself, so a page that came without is looked at in a copy: the same elements at the
 * same address, with what is for those without scripts, and no script of ours.
 */
async function scriptfulCopy(page: Page): Promise<Page> {
  const body = (await page.content())
    .replace(/<script\b[^]*?<\/script>/g, "")
    .replace(/<meta\b[^>]*http-equiv="refresh"[^>]*>/g, "")
    .replace(/<\/?noscript>/g, "");
  const context = await page.context().browser()!.newContext({ javaScriptEnabled: true });
  await context.route(page.url(), (route) => route.fulfill({ contentType: "text/html; charset=utf-8", body }));
  const copy = await context.newPage();
  await copy.goto(page.url());
  return copy;
}

/** Nothing makes the page scroll sideways. */
export async function expectNoSideways(page: Page): Promise<void> {
  const { content, window: room } = await page.evaluate(() => ({
    content: document.documentElement.scrollWidth,
    window: document.documentElement.clientWidth,
  }));
  const wide = (edge: number): string[] =>
    [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > edge).map((e) => `${e.parentElement?.getAttribute("class")} > ${e.tagName.toLowerCase()}.${e.getAttribute("class")} ${e.getBoundingClientRect().left}`);
  const widest = content <= room ? [] : (await page.evaluate(wide, room)).slice(-3);
  expect(content, `width of what is on ${page.url()}: ${widest.join(", ")}`).toBeLessThanOrEqual(room);
}

/** Keeps a picture of the whole page in e2e/shots, to be looked at: home-phone.png. */
export async function picture(page: Page, name: string): Promise<void> {
  const path = resolve(import.meta.dirname, "shots", `${name}-${test.info().project.name}.png`);
  const take = () => page.screenshot({ path, fullPage: true, animations: "disabled" });
  await take().catch(take); // a busy Chromium sometimes cannot, and can a moment later
}

/** Looks at a page as it is and on a small telephone in the dark, with axe and without anything beside the screen; then it is as it was. */
export async function looksRight(page: Page, name: string): Promise<void> {
  const size = page.viewportSize()!;
  await picture(page, name);
  await expectAccessible(page);
  await expectNoSideways(page);
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 320, height: 640 });
  await expectAccessible(page);
  await expectNoSideways(page);
  await picture(page, `${name}-small-dark`);
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(size);
}

/** Looks at a page on a desk, a telephone and a small one, by day and at night; then it is as it was. */
export async function looksRightEverywhere(page: Page, name: string): Promise<void> {
  const size = page.viewportSize() ?? { width: 1440, height: 900 };
  // Each width and each theme, not each of one in each of the other: the tokens of a theme know nothing of widths.
  for (const [look, width, height, colorScheme] of [["desk", 1280, 900, "light"], ["phone", 390, 844, "dark"], ["small", 320, 640, "light"]] as const) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    await expectAccessible(page);
    await expectNoSideways(page);
    await picture(page, `${name}-${look}-${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(size);
}
