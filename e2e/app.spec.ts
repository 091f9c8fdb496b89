// The app: put on the device, without a network, renewed without losing anything, and the button in the pages of partners.
import { createServer, request, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { BrowserContext, Page } from "@playwright/test";
import { Child } from "./people";
import { expect, expectAccessible, expectNoSideways, looksRightEverywhere, picture, test } from "./vigie";

/** The partner's site; the helpline is told of it before it starts. */
const partner = 47_831;
const stranger = 47_832;

test.use({ wholeBrowser: true, settings: { VIGIE_EMBED_ORIGINS: `http://localhost:${partner}`, VIGIE_PUSH_SERVICES: "push.example.org" } });

/** Waits until the worker answers for this page, and has put its small shelf. */
async function served(page: Page): Promise<void> {
  await page.waitForFunction(() => !!navigator.serviceWorker.controller, undefined, { timeout: 20_000 });
  const stocked = () =>
    page.evaluate(async () => {
      for (const name of await caches.keys()) if (name.startsWith("vigie-shelf-") && (await (await caches.open(name)).match("/sw-pages.json"))) return true;
      return false;
    });
  await expect.poll(stocked, { timeout: 20_000 }).toBe(true);
}

test("the site can be installed, under our name or a neutral one", async ({ page, context }) => {
  for (const { path, name, start } of [
    { path: "/app", name: "Vigie", start: "/young?app=own" },
    { path: "/app?name=notes", name: "Notes", start: "/young?app=notes" },
    { path: "/en/app?name=notes", name: "Notes", start: "/en/young?app=notes" },
  ]) {
    await page.goto(path);
    const chromium = await context.newCDPSession(page);
    const { installabilityErrors } = await chromium.send("Page.getInstallabilityErrors");
    // A window of a test is a private one.
    expect(installabilityErrors.filter(({ errorId }) => errorId !== "in-incognito")).toEqual([]);
    const { data, errors } = await chromium.send("Page.getAppManifest");
    expect(errors).toEqual([]);
    const manifest = JSON.parse(data!) as { name: string; start_url: string; scope: string; display: string; icons: { src: string; sizes: string }[]; shortcuts?: unknown };
    expect(manifest).toMatchObject({ name, start_url: start, scope: "/", display: "standalone" });
    for (const { src, sizes } of manifest.icons) {
      const size = await page.evaluate(async (src) => {
        const image = await createImageBitmap(await (await fetch(src)).blob());
        return `${image.width}x${image.height}`;
      }, src);
      expect(size).toBe(sizes);
    }
    if (name === "Notes") expect(data, "nothing of us").not.toMatch(/vigie|aide|mark-|help/i);
    expect((await page.request.get(start)).status(), "where the app begins").toBe(200);
  }
});

test("the page about the app, the one without a network and the one for schools look right", async ({ page, context }) => {
  for (const path of ["/app", "/app?name=notes", "/en/app", "/offline", "/embed", "/en/embed", "/vault/share"]) {
    await page.goto(path);
    await looksRightEverywhere(page, `app${path.replace(/\W+/g, "-")}`);
  }
  expect(await context.cookies()).toEqual([]);
});

test("without a network the pages of the shelf are there, and the chat says that it needs one", async ({ page, context }) => {
  await page.goto("/app");
  await served(page);
  await page.getByRole("button", { name: "Garder les pages sur cet appareil" }).click();
  await expect(page.getByRole("status").filter({ hasText: "Les pages sont sur cet appareil" })).toBeVisible({ timeout: 60_000 });
  await context.setOffline(true);
  for (const [path, heading] of [
    ["/young?app=own", "Par où commencer"],
    ["/guides", "Les guides"],
    ["/guides/sextortion", ""],
    ["/quiz", ""],
    ["/vault", ""],
    ["/numbers", ""],
  ] as const) {
    await page.goto(path);
    await expect(page.getByRole("heading", { level: 1 })).toContainText(heading);
    await expect(page.getByRole("heading", { name: "Il n'y a pas de réseau" })).toHaveCount(0);
    expect(await page.evaluate(() => [...document.styleSheets].length), "its styles are there").toBeGreaterThan(0);
  }
  // From there to another guide, and to the chat.
  await page.goto("/guides");
  await page.locator('main a[href^="/guides/"]').nth(2).click();
  await expect(page).toHaveURL(/\/guides\/./);
  await expect(page.getByRole("heading", { level: 1 })).not.toContainText("réseau");
  await page.goto("/young");
  await page.locator('main a[href="/chat"]').first().click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Il n'y a pas de réseau");
  await expect(page.getByRole("link", { name: /3018/ })).toHaveAttribute("href", "tel:3018");
  await expectAccessible(page);
  // A page that is not on the shelf says the same; the chat itself is never answered by the worker.
  await page.goto("/news");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Il n'y a pas de réseau");
  await expect(page.goto("/chat")).rejects.toThrow(/ERR_INTERNET_DISCONNECTED/);
  await context.setOffline(false);
  await page.goto("/chat");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
});

test("what is kept says nothing of what was read", async ({ page }) => {
  await page.goto("/");
  await served(page);
  await page.goto("/guides/sextortion");
  await page.goto("/guides/self-harm");
  await page.goto("/guides");
  const kept = await page.evaluate(async () => {
    const all: string[] = [];
    for (const name of await caches.keys()) for (const request of await (await caches.open(name)).keys()) all.push(new URL(request.url).pathname);
    return all;
  });
  expect(kept.filter((path) => path.startsWith("/guides")), "no guide, because none was asked to be kept").toEqual([]);
  expect(kept).toContain("/offline");
  expect(kept.filter((path) => /chat|desk|admin|wall|quit|resume|message/.test(path.replace(/^\/assets\/.*/, "")))).toEqual([]);
  expect(await page.evaluate(() => indexedDB.databases().then((all) => all.map((db) => db.name)))).toEqual([]);
});

/** Stands before the helpline, as another build of it: its worker is another file, or the same again. */
async function inFront(of: string, build: { now: string }): Promise<{ url: string; server: Server }> {
  const server = createServer((req, res) => {
    const headers = { ...req.headers };
    if (req.url === "/sw.js") delete headers["accept-encoding"], delete headers["if-none-match"];
    const asked = request(new URL(req.url!, of), { method: req.method, headers }, (answer) => {
      if (req.url !== "/sw.js") {
        res.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(res);
        return;
      }
      let text = "";
      answer.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      answer.on("end", () => {
        const { "content-length": _, etag: __, ...rest } = answer.headers;
        res.writeHead(200, rest);
        res.end(build.now ? text.replaceAll(/"([0-9a-f]{12})"/g, `"${build.now}"`).replaceAll(/vigie-shelf-[0-9a-f]{12}/g, `vigie-shelf-${build.now}`) : text);
      });
    });
    asked.on("error", () => res.destroy());
    req.pipe(asked);
  }).listen(0, "localhost");
  await once(server, "listening");
  return { url: `http://localhost:${(server.address() as AddressInfo).port}`, server };
}

const shelves = (page: Page): Promise<string[]> => page.evaluate(async () => (await caches.keys()).filter((name) => name.startsWith("vigie-shelf-")));

test("a new build takes the place of the old one without losing anything, and not while something is being written", async ({ browser, helpline }) => {
  const build = { now: "" };
  const { url, server } = await inFront(helpline.url, build);
  const context = await browser.newContext({ baseURL: url });
  try {
    const page = await context.newPage();
    await page.goto("/app");
    await served(page);
    await page.getByRole("button", { name: "Garder les pages sur cet appareil" }).click();
    await expect(page.getByRole("status").filter({ hasText: "Les pages sont sur cet appareil" })).toBeVisible({ timeout: 60_000 });
    const [first] = await shelves(page);
    await page.evaluate(async () => {
      const db = await new Promise<IDBDatabase>((done) => {
        const opening = indexedDB.open("vigie-vault", 1);
        opening.onupgradeneeded = () => opening.result.createObjectStore("vault");
        opening.onsuccess = () => done(opening.result);
      });
      await new Promise((done) => {
        const t = db.transaction("vault", "readwrite");
        t.objectStore("vault").put("still here", "test");
        t.oncomplete = done;
      });
      db.close();
    });

    // Somebody writes in a form of a page that the worker answers for.
    const writing = await context.newPage();
    await writing.goto("/guides");
    await served(writing);
    await writing.getByRole("searchbox").fill("on me fait du chantage");
    build.now = "bbbbbbbbbbbb";
    await page.evaluate(async () => (await navigator.serviceWorker.ready).update());
    const waits = () => page.evaluate(async () => !!(await navigator.serviceWorker.ready).waiting);
    await expect.poll(waits, { timeout: 60_000 }).toBe(true);
    await page.waitForTimeout(3000); // longer than the worker waits for an answer
    expect(await waits(), "it waits").toBe(true);
    await expect(writing.getByRole("searchbox")).toHaveValue("on me fait du chantage");

    // It is sent, or given up: the next page that is opened lets the new build in.
    await writing.close();
    await page.goto("/young");
    await expect(async () => expect(await shelves(page)).toEqual(["vigie-shelf-bbbbbbbbbbbb"])).toPass({ timeout: 30_000 });
    expect(first).not.toBe("vigie-shelf-bbbbbbbbbbbb");
    await context.setOffline(true);
    await page.goto("/guides/sextortion");
    await expect(page.getByRole("heading", { level: 1 })).not.toContainText("réseau");
    const vault = await page.evaluate(async () => {
      const db = await new Promise<IDBDatabase>((done) => {
        const opening = indexedDB.open("vigie-vault");
        opening.onsuccess = () => done(opening.result);
      });
      return new Promise((done) => (db.transaction("vault").objectStore("vault").get("test").onsuccess = (event) => done((event.target as IDBRequest).result)));
    });
    expect(vault).toBe("still here");
  } finally {
    await context.close();
    server.closeAllConnections();
    server.close();
  }
});

test("the quick exit goes through the worker, and takes neither the shelf nor the vault with it", async ({ page, guard, context }) => {
  await page.goto("/young");
  await served(page);
  await guard.leavesFor(page, "https://meteofrance.com/");
  await page.evaluate(() => new Promise((done) => (indexedDB.open("vigie-vault").onsuccess = done)));
  await page.locator("[data-exit]").click();
  await expect(page).toHaveURL("https://meteofrance.com/");
  const again = await context.newPage();
  await again.goto("/young");
  expect(await shelves(again)).toHaveLength(1);
  expect(await again.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name))).toEqual(["vigie-vault"]);
});

/** A page of another site, with our tag in it. */
async function site(port: number, ours: string, lang: string): Promise<Server> {
  const server = createServer((_, res) => {
    res.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
    res.end(`<!doctype html><html lang="${lang}"><title>Collège</title><h1>Collège</h1><p><script src="${ours}/embed.js" data-lang="${lang}" defer></script></p></html>`);
  }).listen(port, "localhost");
  await once(server, "listening");
  return server;
}

async function elsewhere(context: BrowserContext, port: number): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`http://localhost:${port}/`);
  return page;
}

test("a partner's page shows the button, which opens our chat in a tab of its own", async ({ browser, helpline }) => {
  const server = await site(partner, helpline.url, "fr");
  const context = await browser.newContext();
  try {
    const page = await elsewhere(context, partner);
    const origins = new Set<string>();
    context.on("request", (request) => origins.add(new URL(request.url()).origin));
    await page.reload();
    const frame = page.locator("iframe");
    await expect(frame).toHaveAttribute("title", /^Parler à Vigie\s: s'ouvre dans un nouvel onglet$/);
    const button = frame.contentFrame().getByRole("link", { name: "Parler à Vigie (dans un nouvel onglet)" });
    await expect(button).toBeVisible();
    const box = (await frame.boundingBox())!;
    expect(box.height).toBe(64);
    expect((await button.boundingBox())!.height).toBeGreaterThanOrEqual(44);
    await page.emulateMedia({ colorScheme: "dark" });
    await picture(page, "embed-partner-dark");
    await page.emulateMedia({ colorScheme: "light" });
    await picture(page, "embed-partner");
    // By the keyboard.
    await page.keyboard.press("Tab");
    await expect(button).toBeFocused();
    const opens = context.waitForEvent("page");
    await page.keyboard.press("Enter");
    const chat = await opens;
    await chat.waitForLoadState();
    expect(new URL(chat.url()).pathname).toBe("/chat");
    expect(new URL(chat.url()).origin).toBe(helpline.url);
    expect(await chat.evaluate(() => [window.opener, document.referrer])).toEqual([null, ""]);
    await expect(chat.getByRole("heading", { level: 1 })).toBeVisible();
    // Nothing of it stays with the partner's visitors.
    expect(await context.cookies()).toEqual([]);
    expect(await page.evaluate(async () => [document.cookie, localStorage.length, sessionStorage.length, (await indexedDB.databases()).length, (await navigator.serviceWorker.getRegistrations()).length])).toEqual(["", 0, 0, 0, 0]);
    expect([...origins].sort()).toEqual([`http://localhost:${partner}`, helpline.url].sort());
  } finally {
    await context.close();
    server.closeAllConnections();
    server.close();
  }
});

test("a site that is not registered shows no button", async ({ browser, helpline }) => {
  const server = await site(stranger, helpline.url, "en");
  const context = await browser.newContext();
  try {
    const page = await elsewhere(context, stranger);
    await expect(page.locator("iframe")).toHaveCount(1);
    await page.waitForTimeout(500);
    await expect(page.locator("iframe").contentFrame().getByRole("link")).toHaveCount(0);
  } finally {
    await context.close();
    server.closeAllConnections();
    server.close();
  }
});

test("the button by itself is accessible", async ({ page }) => {
  for (const path of ["/embed/button", "/en/embed/button"]) {
    await page.setViewportSize({ width: 280, height: 64 });
    await page.goto(path);
    await expectNoSideways(page);
    await expectAccessible(page);
    await page.emulateMedia({ colorScheme: "dark" });
    await expectAccessible(page);
    await page.emulateMedia({ colorScheme: "light" });
  }
});

test("what is shared from elsewhere goes to the vault of the device, and where there is none the page says so", async ({ page }) => {
  await page.goto("/young");
  await served(page);
  // As a phone does it: a form that is posted to the address of the manifest.
  await page.evaluate(() => {
    const form = document.createElement("form");
    form.method = "post";
    form.enctype = "multipart/form-data";
    form.action = "/vault/share";
    const text = document.createElement("input");
    text.name = "text";
    text.value = "un secret";
    form.append(text);
    document.body.append(form);
    form.submit();
  });
  await expect(page).toHaveURL(/\/vault\/share\?why=none$/);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Rien n'a été gardé");
  await expect(page.locator("main .lead")).toContainText("Il n'y a pas encore de coffre");
});

test("the banner is shown until it is sent away, and this device alone remembers", async ({ page, context }) => {
  await page.goto("/young");
  const banner = page.locator("app-banner");
  await expect(banner).toBeVisible();
  await banner.getByRole("button").click();
  await expect(banner).toBeHidden();
  await page.reload();
  await expect(page.locator("main")).toBeVisible();
  await expect(banner).toBeHidden();
  expect(await context.cookies()).toEqual([]);
  expect(await page.evaluate(() => Object.keys(localStorage))).toEqual(["vigie.app-banner"]);
});

test("a push shows a text that says nothing of us nor of her", async ({ page, context, helpline }) => {
  await context.grantPermissions(["notifications"], { origin: helpline.url });
  await page.goto("/young");
  await served(page);
  const chromium = await context.newCDPSession(page);
  const registration = new Promise<string>((found) => chromium.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => registrations[0] && found(registrations[0].registrationId)));
  await chromium.send("ServiceWorker.enable");
  await chromium.send("ServiceWorker.deliverPushMessage", { origin: helpline.url, registrationId: await registration, data: "" });
  const shown = () => page.evaluate(async () => (await (await navigator.serviceWorker.ready).getNotifications()).map(({ title, body, tag }) => ({ title, body, tag })));
  await expect.poll(shown).toEqual([{ title: "Un message t'attend", body: "", tag: "vigie" }]);
});

test("who waits is asked nothing at load, and may have this device told, and take it back", async ({ page, context, helpline }) => {
  await context.grantPermissions(["notifications"], { origin: helpline.url });
  // The browser's own push service is not on this machine.
  await page.addInitScript(() => {
    const made = { endpoint: "https://push.example.org/send/abc", unsubscribe: () => (localStorage.removeItem("made"), Promise.resolve(true)) };
    const counted = Notification.requestPermission.bind(Notification);
    Notification.requestPermission = () => (localStorage.setItem("asked", "yes"), counted());
    PushManager.prototype.subscribe = () => (localStorage.setItem("made", "yes"), Promise.resolve(made as unknown as PushSubscription));
    PushManager.prototype.getSubscription = () => Promise.resolve(localStorage.getItem("made") ? (made as unknown as PushSubscription) : null);
  });
  const child = new Child(page);
  await child.opensChat();
  const toggle = page.locator("push-toggle");
  const on = toggle.getByRole("button", { name: "M'avertir sur cet appareil" });
  await expect(on).toBeVisible();
  await expect(toggle).toContainText("rien d'autre");
  expect(await page.evaluate(() => localStorage.getItem("asked")), "nothing is asked at load").toBeNull();
  await picture(page, "push-toggle");
  await expectAccessible(page);
  await on.click();
  await expect(toggle.getByRole("status")).toHaveText("C'est noté. Cet appareil t'avertira.");
  const off = toggle.getByRole("button", { name: "Ne plus m'avertir" });
  await expect(off).toBeFocused();
  await page.reload();
  await expect(off).toBeVisible();
  await expectNoSideways(page);
  await off.click();
  await expect(toggle.getByRole("status")).toHaveText("C'est arrêté. Cet appareil n'avertira plus.");
  await page.reload();
  await expect(on).toBeVisible();
});
