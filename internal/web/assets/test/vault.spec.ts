// The vault on the page that the server draws (vault.html, written by web/site/vault_test.go), in a real Chromium with a disk.
import { chromium, expect, test as base, type BrowserContext, type Page } from "@playwright/test";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const dist = join(import.meta.dirname, "..", "dist");
const manifest = JSON.parse(readFileSync(join(dist, "manifest.json"), "utf8")) as Record<string, string>;
const html = readFileSync(join(import.meta.dirname, "vault.html"), "utf8").replace(/\/assets\/([\w.-]+)/g, (_, name: string) => `/assets/${manifest[name] ?? name}`);
const policy =
  "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; media-src 'self' blob:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types vigie";
const types: Record<string, string> = { css: "text/css", js: "text/javascript", svg: "image/svg+xml", txt: "text/plain; charset=utf-8" };

/** The house behind the page: what it asks for, and what it was sent. */
class House {
  talk: unknown;
  readonly files: { path: string; body: Buffer }[] = [];
  backs: string[] = [];
  /** Whether there is a service worker, and what it is sent that it let through. */
  worker = false;
  shares = 0;
  answer: { status: number; type: string; body: string } = { status: 200, type: "application/json", body: "" };
  private readonly server = createServer((request, out) => {
    const path = new URL(request.url ?? "/", "http://house").pathname;
    const end = (type: string, body: string | Buffer, status = 200): void => void out.writeHead(status, { "Content-Type": type, "Content-Security-Policy": policy }).end(body);
    if (path.startsWith("/assets/")) {
      const name = path.slice("/assets/".length);
      end(types[name.split(".").at(-1) ?? ""] ?? "application/octet-stream", readFileSync(join(dist, name)));
    } else if (path === "/sw.js" && this.worker) end("text/javascript", readFileSync(join(dist, manifest["sw.js"] ?? "")));
    else if (path === "/sw-pages.json") end("application/json", JSON.stringify({ pages: [{ url: "/vault", version: "1", small: true }], assets: [], words: { plain: "a", neutral: "b" } }));
    else if (path === "/elsewhere") out.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>elsewhere</title>");
    else if (path === "/vault/share") {
      if (request.method === "POST") this.shares++;
      end("text/html", "<!doctype html><title>not shared</title>");
    } else if (path === "/vault") end("text/html; charset=utf-8", html);
    else if (path === "/chat/vault") end("application/json", JSON.stringify(this.talk ?? ""), this.talk ? 200 : 401);
    else if (path.endsWith("/back")) {
      this.backs.push(path);
      end(this.answer.type, this.answer.body, this.answer.status);
    } else if (path.startsWith("/chat/file/")) void read(request).then((body) => (this.files.push({ path, body }), end(this.answer.type, this.answer.body, this.answer.status)));
    else end("text/html", "<!doctype html><title>elsewhere</title>elsewhere", path === "/sw.js" ? 404 : 200);
  });

  async open(): Promise<void> {
    await new Promise<void>((done) => this.server.listen(0, "127.0.0.1", done));
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/vault`;
  }
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

interface World {
  house: House;
  folder: string;
  /** A browser with a disk of its own. */
  browser: (name?: string) => Promise<BrowserContext>;
}

const faults: string[] = [];


// Each makes several slow keys, in a browser of its own.
base.describe.configure({ timeout: 90_000 });

const test = base.extend<{ world: World; page: Page }>({
  world: async ({}, use) => {
    const house = new House();
    await house.open();
    const folder = mkdtempSync(join(tmpdir(), "vigie-vault-"));
    const contexts: BrowserContext[] = [];
    faults.length = 0;
    await use({
      house,
      folder,
      browser: async (name = "profile") => {
        const context = await chromium.launchPersistentContext(join(folder, name), {
          executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
          args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
          locale: "fr-FR",
          viewport: { width: 390, height: 844 },
          acceptDownloads: true,
        });
        contexts.push(context);
        context.on("page", watch);
        context.pages().forEach(watch);
        return context;
      },
    });
    for (const context of contexts) await context.close().catch(() => {});
    await house.close();
    rmSync(folder, { recursive: true, force: true });
    expect(faults, "scripts fail, or break the content security policy").toEqual([]);
  },
  page: async ({ world }, use) => {
    const context = await world.browser();
    const page = context.pages()[0] ?? (await context.newPage());
    await page.goto(world.house.url);
    await use(page);
  },
});

function watch(page: Page): void {
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => /Content.Security.Policy|Trusted/i.test(message.text()) && faults.push(message.text()));
}

const phrase = "lampe cactus tambour moulin";

async function make(page: Page, words = phrase): Promise<void> {
  await page.getByRole("button", { name: "Créer mon coffre" }).click();
  await view(page, "phrase").getByLabel("Phrase secrète", { exact: true }).fill(words);
  await view(page, "phrase").getByLabel("Encore une fois").fill(words);
  await page.getByRole("button", { name: "Créer le coffre" }).click();
  await expect(view(page, "open")).toBeVisible({ timeout: 15_000 });
}

const view = (page: Page, name: string) => page.locator(`[data-view="${name}"]`);
const said = (page: Page, name = "open") => view(page, name).locator("[data-status]");
const items = (page: Page) => page.locator("[data-items] > li");

async function unlock(page: Page, words = phrase): Promise<void> {
  await view(page, "locked").getByLabel("Phrase secrète").fill(words);
  await page.getByRole("button", { name: "Ouvrir", exact: true }).click();
}

async function note(page: Page, title: string, text: string): Promise<void> {
  await page.getByRole("button", { name: "Une note" }).click();
  await page.getByLabel("Titre, si tu veux").fill(title);
  await page.getByLabel("Ce qui s'est passé").fill(text);
  await page.locator("[data-panel=note]").getByRole("button", { name: "Mettre dans le coffre" }).click();
  await expect(items(page).filter({ hasText: title })).toBeVisible();
}

/** A picture that the browser draws, with words in it that nothing else has. */
function picture(mark = "ZQXMARKDELIMAGE"): Buffer {
  const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
  return Buffer.concat([png, Buffer.from(mark.repeat(20))]);
}

async function addPicture(page: Page, name: string, body = picture(), answer = "Non"): Promise<void> {
  await page.locator("[data-pick=gallery]").setInputFiles({ name, mimeType: "image/png", buffer: body });
  await page.locator("[data-panel=nude]").getByRole("button", { name: answer, exact: true }).click();
}

test("what is put in is there again after closing, opening and a reload, the newest first", async ({ page }) => {
  await make(page);
  await note(page, "Lundi", "Il a recommencé.\nÀ la récré.");
  await addPicture(page, "capture.png");
  await expect(items(page)).toHaveCount(2);
  await expect(items(page).first()).toContainText("capture.png");
  await expect(items(page).first().locator("img")).toBeVisible();
  await page.getByRole("button", { name: "Fermer le coffre" }).click();
  await expect(view(page, "locked")).toBeVisible();
  await expect(items(page)).toHaveCount(0);
  expect(await page.content()).not.toContain("recommencé");
  await page.reload();
  await unlock(page);
  await expect(items(page)).toHaveCount(2);
  await items(page).filter({ hasText: "Lundi" }).getByRole("button").first().click();
  await expect(page.locator("[data-look]")).toContainText("Il a recommencé.\nÀ la récré.");
  await expect(page.locator("[data-look-sum]")).toHaveText(createHash("sha256").update("Il a recommencé.\nÀ la récré.").digest("hex"));
  await page.getByRole("button", { name: "Retour" }).click();
  await items(page).filter({ hasText: "capture.png" }).getByRole("button").first().click();
  await expect(page.locator("[data-look] img")).toHaveJSProperty("complete", true);
  await expect(page.locator("[data-look-sum]")).toHaveText(createHash("sha256").update(picture()).digest("hex"));
});

test("words for a phrase are drawn here; a phrase that is short, or typed in two ways, makes no vault", async ({ page }) => {
  await page.getByRole("button", { name: "Créer mon coffre" }).click();
  const words = page.locator("[data-suggested]");
  await expect(words).toHaveText(/^[a-z]+( [a-z]+){3}$/);
  const first = await words.textContent();
  await page.getByRole("button", { name: "D'autres mots" }).click();
  await expect(words).not.toHaveText(first ?? "");
  const create = page.getByRole("button", { name: "Créer le coffre" });
  await view(page, "phrase").getByLabel("Phrase secrète", { exact: true }).fill("court");
  await view(page, "phrase").getByLabel("Encore une fois").fill("court");
  await create.click();
  await expect(said(page, "phrase")).toContainText("trop courte");
  await view(page, "phrase").getByLabel("Phrase secrète", { exact: true }).fill("assez longue celle-ci");
  await create.click();
  await expect(said(page, "phrase")).toContainText("pas les mêmes");
  await view(page, "phrase").getByLabel("Encore une fois").fill("  assez  longue celle-ci ");
  await expect(view(page, "phrase").getByLabel("Encore une fois")).toHaveCSS("-webkit-text-security", "disc");
  await page.locator("[data-view=phrase] [data-show]").check();
  await expect(view(page, "phrase").getByLabel("Encore une fois")).not.toHaveCSS("-webkit-text-security", "disc");
});

test("a wrong phrase waits longer each time, through reloads too, and erases nothing", async ({ page }) => {
  await make(page);
  await note(page, "Lundi", "des mots");
  await page.getByRole("button", { name: "Fermer le coffre" }).click();
  const open = page.getByRole("button", { name: "Ouvrir", exact: true });
  const waits = () =>
    page.evaluate(
      () =>
        new Promise<{ wrong: number; left: number }>((done) => {
          const request = indexedDB.open("vigie-vault");
          request.onsuccess = () => {
            const get = request.result.transaction("vault").objectStore("vault").get("tries");
            get.onsuccess = () => {
              request.result.close();
              done({ wrong: get.result.wrong, left: get.result.until - Date.now() });
            };
          };
        }),
    );
  for (const [wrong, seconds] of [
    [1, 1],
    [2, 2],
    [3, 4],
  ] as const) {
    await expect(open).toBeEnabled({ timeout: 10_000 });
    await unlock(page, "pas la bonne du tout");
    await expect(said(page, "locked")).toContainText("Prochain essai dans");
    const now = await waits();
    expect(now.wrong).toBe(wrong);
    expect(now.left).toBeGreaterThan((seconds - 1.5) * 1000);
    expect(now.left).toBeLessThanOrEqual(seconds * 1000);
    await expect(open).toBeDisabled();
  }
  await page.reload();
  await expect(open).toBeDisabled();
  // A clock that was put back makes nobody wait longer than the wait itself.
  await expect(open).toBeEnabled({ timeout: 10_000 });
  await setTries(page, { wrong: 2, until: Date.now() + 86_400_000 });
  await page.reload();
  await expect(said(page, "locked")).toContainText("dans 2 s");
  await setTries(page, { wrong: 2, until: 0 });
  await page.reload();
  await unlock(page);
  await expect(items(page)).toHaveCount(1);
  expect((await waits()).wrong).toBe(0);
});

/** Says how often the phrase was wrong, and until when it waits. */
async function setTries(page: Page, tries: { wrong: number; until: number }): Promise<void> {
  await page.evaluate(
    (tries) =>
      new Promise<void>((done) => {
        const request = indexedDB.open("vigie-vault");
        request.onsuccess = () => {
          const t = request.result.transaction("vault", "readwrite");
          t.objectStore("vault").put(tries, "tries");
          t.oncomplete = () => (request.result.close(), done());
        };
      }),
    tries,
  );
}

test("a picture in which somebody is naked does not come in; what helps instead is offered", async ({ page }) => {
  await make(page);
  await addPicture(page, "a.png", picture(), "Oui");
  await expect(page.locator("[data-panel=refused]")).toContainText("La loi interdit");
  await expect(page.getByRole("link", { name: "Ouvrir Take It Down" })).toHaveAttribute("href", "https://takeitdown.ncmec.org");
  await page.locator("[data-panel=refused]").getByRole("button", { name: "Noter l'adresse, le compte, la date" }).click();
  await page.getByLabel("L'adresse, ou l'application").fill("https://reseau.example/p/1");
  await page.getByLabel("Le compte qui l'a mise").fill("@corbeau");
  await page.locator("[data-panel=trace]").getByRole("button", { name: "Mettre dans le coffre" }).click();
  await expect(items(page)).toHaveCount(1);
  await items(page).getByRole("button").first().click();
  await expect(page.locator("[data-look]")).toContainText("Le compte qui l'a mise : @corbeau");
  await page.getByRole("button", { name: "Retour" }).click();
  // Who is not sure is told what to do, and may look again.
  await addPicture(page, "b.png", picture(), "Je ne sais pas");
  await expect(page.locator("[data-panel=unsure]")).toBeVisible();
  await page.locator("[data-panel=unsure]").getByRole("button", { name: "Retour" }).click();
  await expect(items(page)).toHaveCount(1);
  await addPicture(page, "c.png", picture(), "Je ne sais pas");
  await page.getByRole("button", { name: "personne n'est nu" }).click();
  await expect(items(page)).toHaveCount(2);
});

test("what is pasted comes in: a text as a note, an address as a link, a picture after the question", async ({ page }) => {
  await make(page);
  const paste = (text: string, file = false) =>
    page.evaluate(
      ({ text, file }) => {
        const data = new DataTransfer();
        if (file) data.items.add(new File([new Uint8Array([1, 2, 3])], "collee.png", { type: "image/png" }));
        else data.setData("text/plain", text);
        document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
      },
      { text, file },
    );
  await paste("un message copié");
  await expect(items(page).first()).toContainText("Texte");
  await paste("https://reseau.example/p/2");
  await expect(items(page).first()).toContainText("Lien");
  await paste("", true);
  await page.locator("[data-panel=nude]").getByRole("button", { name: "Non", exact: true }).click();
  await expect(items(page).first()).toContainText("collee.png");
  await expect(items(page)).toHaveCount(3);
});

test("another passphrase opens it, and the old one does not any more", async ({ page, world }) => {
  test.setTimeout(180_000); // seven slow keys
  await make(page);
  await page.getByRole("button", { name: "Une note" }).click();
  await page.getByLabel("Ce qui s'est passé").fill("ce qui est dedans");
  await page.getByRole("button", { name: "Mettre dans le coffre" }).click();
  await expect(items(page)).toHaveCount(1);
  const other = await page.context().newPage();
  await other.goto(world.house.url);
  await unlock(other);
  await expect(view(other, "open")).toBeVisible({ timeout: 15_000 });

  const next = "neige piano radeau cumin";
  const panel = page.locator("[data-panel=rephrase]");
  const change = async (now: string, to: string, again = to) => {
    await panel.getByLabel("La phrase de maintenant").fill(now);
    await panel.getByLabel("La nouvelle phrase").fill(to);
    await panel.getByLabel("La nouvelle, encore une fois").fill(again);
    await panel.getByRole("button", { name: "Changer", exact: true }).click();
  };
  await page.getByRole("button", { name: "Changer de phrase" }).click();
  await change(phrase, "court");
  await expect(said(page)).toContainText("trop courte");
  await change(phrase, next, "neige piano radeau sel");
  await expect(said(page)).toContainText("ne sont pas les mêmes");
  await change("une autre phrase que celle", next);
  await expect(said(page)).toContainText("n'est pas celle-là", { timeout: 15_000 });
  const go = panel.getByRole("button", { name: "Changer", exact: true });
  await expect(async () => {
    await go.click();
    await expect(said(page)).toContainText("Prochain essai", { timeout: 500 });
  }, "a wrong one slows down here too").toPass();
  await panel.getByLabel("La phrase de maintenant").fill(phrase);
  await expect(async () => {
    await go.click();
    await expect(said(page)).toContainText("C'est fait", { timeout: 3000 });
  }).toPass();
  await expect(panel).toBeHidden();

  // The other tab, which was open meanwhile, gives the new header away with its export.
  const download = other.waitForEvent("download");
  await other.getByRole("button", { name: "Faire une sauvegarde" }).click();
  const file = join(world.folder, "after.bin");
  await (await download).saveAs(file);
  await other.close();

  await page.getByRole("button", { name: "Fermer le coffre" }).click();
  await unlock(page);
  await expect(said(page, "locked")).toContainText("Ce n'est pas cette phrase", { timeout: 15_000 });
  await page.waitForTimeout(1200);
  await unlock(page, next);
  await expect(items(page).first()).toContainText("ce qui est dedans", { timeout: 15_000 });

  const salt = await page.evaluate(
    () =>
      new Promise<string>((done) => {
        const opening = indexedDB.open("vigie-vault");
        opening.onsuccess = () => {
          const header = opening.result.transaction("vault").objectStore("vault").get("header") as IDBRequest<{ kdf: { salt: string } }>;
          header.onsuccess = () => done(header.result.kdf.salt);
        };
      }),
  );
  expect(readFileSync(file, "latin1"), "the export is under the passphrase of now").toContain(salt);
});

test("where another tab changed the passphrase first, that one counts, and it is said", async ({ page }) => {
  await make(page);
  // What another tab has written, of which this one heard nothing.
  await page.evaluate(
    () =>
      new Promise<void>((done) => {
        const opening = indexedDB.open("vigie-vault");
        opening.onsuccess = () => {
          const change = opening.result.transaction("vault", "readwrite");
          const headers = change.objectStore("vault");
          const header = headers.get("header") as IDBRequest<{ key: string }>;
          header.onsuccess = () => headers.put({ ...header.result, key: [...header.result.key].reverse().join("") }, "header");
          change.oncomplete = () => done();
        };
      }),
  );
  await page.getByRole("button", { name: "Changer de phrase" }).click();
  const panel = page.locator("[data-panel=rephrase]");
  await panel.getByLabel("La phrase de maintenant").fill(phrase);
  await panel.getByLabel("La nouvelle phrase").fill("neige piano radeau cumin");
  await panel.getByLabel("La nouvelle, encore une fois").fill("neige piano radeau cumin");
  await panel.getByRole("button", { name: "Changer", exact: true }).click();
  await expect(said(page)).toContainText("Un autre onglet a changé la phrase juste avant", { timeout: 15_000 });
});

test("what is pasted while the list is drawn comes in too", async ({ page }) => {
  await make(page);
  await page.evaluate(() => {
    const paste = (text: string): void => {
      const data = new DataTransfer();
      data.setData("text/plain", text);
      document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
    };
    // The list is read when the first is in; at that moment the second comes.
    const { getAll } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.getAll = function (this: IDBObjectStore, ...args: Parameters<typeof getAll>) {
      if (this.name === "item") {
        IDBObjectStore.prototype.getAll = getAll;
        paste("le second");
      }
      return getAll.apply(this, args);
    };
    paste("le premier");
  });
  await expect(items(page)).toHaveCount(2);
  await expect(items(page).first()).toContainText("le second");
});

test("it closes when it was out of sight for a minute, and what was being written is in it", async ({ page }) => {
  await page.clock.install();
  await make(page);
  await page.getByRole("button", { name: "Une note" }).click();
  await page.getByLabel("Ce qui s'est passé").fill("une phrase commencée");
  const sight = (state: string) =>
    page.evaluate((state) => {
      Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, state);
  await sight("hidden");
  await page.clock.runFor(50_000);
  await sight("visible");
  await expect(view(page, "open")).toBeVisible();
  await sight("hidden");
  await page.clock.runFor(61_000);
  await expect(view(page, "locked")).toBeVisible();
  await sight("visible");
  await expect(said(page, "locked")).toContainText("cachée une minute");
  await unlock(page);
  await expect(items(page)).toHaveCount(1);
  await expect(items(page)).toContainText("Brouillon · une phrase commencée");
});

test("what was chosen while it closed waits for it to be opened", async ({ page }) => {
  await make(page);
  await page.getByRole("button", { name: "Fermer le coffre" }).click();
  await page.locator("[data-pick=camera]").setInputFiles({ name: "photo.png", mimeType: "image/png", buffer: picture() });
  await expect(said(page, "locked")).toContainText("attend");
  await unlock(page);
  await page.locator("[data-panel=nude]").getByRole("button", { name: "Non", exact: true }).click();
  await expect(items(page)).toContainText(["photo.png"]);
});

test("what was put in when the vault closed, and not yet said to be, is there once", async ({ page }) => {
  // The first worker's word that it is in never comes: the vault is closed before it.
  await page.addInitScript(() => {
    const post = Worker.prototype.postMessage;
    const listen = Worker.prototype.addEventListener;
    let silent: Worker | undefined;
    Worker.prototype.postMessage = function (this: Worker, message: { job: { do: string } }) {
      if (message.job.do === "add") silent ??= this;
      post.call(this, message);
    };
    Worker.prototype.addEventListener = function (this: Worker, type: string, then: EventListenerOrEventListenerObject) {
      listen.call(this, type, (event) => {
        if (this !== silent && typeof then === "function") then.call(this, event);
      });
    };
  });
  await page.reload();
  await make(page);
  await addPicture(page, "capture.png");
  await expect.poll(() => count(page, "item")).toBe(1);
  await page.getByRole("button", { name: "Fermer le coffre" }).click();
  await unlock(page);
  await expect(view(page, "open")).toBeVisible({ timeout: 15_000 });
  await note(page, "après", "ce qui vient ensuite");
  await expect(items(page)).toHaveCount(2);
  await expect(items(page).filter({ hasText: "capture.png" })).toHaveCount(1);
});

test("the quick exit drops everything at once; the vault survives it, closed", async ({ page, world }) => {
  await make(page);
  await note(page, "Lundi", "des mots");
  const left = await page.evaluate(() => {
    document.querySelector<HTMLElement>("[data-exit]")?.click();
    return { text: document.querySelector("[data-items]")?.textContent, open: !document.querySelector<HTMLElement>("[data-view=open]")?.hidden };
  });
  expect(left).toEqual({ text: "", open: false });
  await expect(page).toHaveURL(/\/quit$/);
  await page.goto(world.house.url);
  await unlock(page);
  await expect(items(page)).toHaveCount(1);
});

test("two tabs have one vault: what comes into one is in the other, and closing one closes both", async ({ page, world }) => {
  await make(page);
  const other = await page.context().newPage();
  await other.goto(world.house.url);
  await unlock(other);
  await expect(view(other, "open")).toBeVisible({ timeout: 10_000 });
  await Promise.all([note(page, "d'ici", "un"), note(other, "de là", "deux")]);
  for (const tab of [page, other]) await expect(items(tab)).toHaveCount(2);
  await page.getByRole("button", { name: "Fermer le coffre" }).click();
  await expect(view(other, "locked")).toBeVisible();
  await unlock(other);
  await expect(items(other)).toHaveCount(2);
  // A vault that is erased in one tab is gone in the other, which says so.
  await page.getByRole("button", { name: "J'ai oublié ma phrase" }).click();
  await page.getByRole("checkbox").check();
  await page.getByRole("button", { name: "Effacer ce coffre" }).click();
  await expect(view(page, "new")).toBeVisible();
  await expect(view(other, "new")).toBeVisible();
  await expect(said(other, "new")).toContainText("effacé dans un autre onglet");
});

/** How much lies in one store of the database. */
async function count(page: Page, store: string): Promise<number> {
  return page.evaluate(
    (store) =>
      new Promise<number>((done) => {
        const request = indexedDB.open("vigie-vault");
        request.onsuccess = () => {
          const n = request.result.transaction(store).objectStore(store).count();
          n.onsuccess = () => (request.result.close(), done(n.result));
        };
      }),
    store,
  );
}

/** Changes one byte of what lies in the database. */
async function tamper(page: Page, store: "chunk" | "item", name: string): Promise<void> {
  await page.evaluate(
    ({ store, name }) =>
      new Promise<void>((done, refuse) => {
        const request = indexedDB.open("vigie-vault");
        request.onsuccess = () => {
          const t = request.result.transaction(store, "readwrite");
          const cursor = t.objectStore(store).openCursor();
          let changed = false;
          cursor.onsuccess = () => {
            const at = cursor.result;
            if (!at || changed) return;
            const id = store === "chunk" ? (at.key as unknown as [string, number])[0] : (at.value.id as string);
            if (id !== name) return at.continue();
            changed = true;
            const bytes = new Uint8Array(store === "chunk" ? at.value : at.value.meta);
            bytes[20] = (bytes[20] ?? 0) ^ 1;
            at.update(store === "chunk" ? bytes.buffer : { ...at.value, meta: bytes.buffer });
          };
          t.oncomplete = () => (request.result.close(), changed ? done() : refuse(new Error("not found")));
        };
      }),
    { store, name },
  );
}

test("what was changed is refused with a sentence; the others open", async ({ page }) => {
  await make(page);
  for (const title of ["un", "deux", "trois"]) await note(page, title, `le texte ${title}`);
  const ids = await items(page).evaluateAll((all) => all.map((li) => (li as HTMLElement).dataset["id"] ?? ""));
  await tamper(page, "chunk", ids[0]!);
  await tamper(page, "item", ids[1]!);
  await items(page).nth(0).getByRole("button").first().click();
  await expect(said(page)).toContainText("a été modifié");
  await items(page).nth(2).getByRole("button").first().click();
  await expect(page.locator("[data-look]")).toContainText("le texte un");
  await page.getByRole("button", { name: "Fermer le coffre" }).click();
  await unlock(page);
  await expect(items(page)).toHaveCount(3);
  await expect(items(page).nth(1)).toContainText("Modifié depuis");
});

test("a video of 2 GB is refused by its size, and a full disk with what is free: nothing is half written", async ({ page, world }) => {
  await make(page);
  const large = join(world.folder, "film.mp4");
  writeFileSync(large, "");
  execFileSync("truncate", ["-s", "2G", large]);
  const began = Date.now();
  await page.locator("[data-pick=gallery]").setInputFiles(large);
  await page.locator("[data-panel=nude]").getByRole("button", { name: "Non", exact: true }).click();
  await expect(said(page)).toContainText("film.mp4 est trop lourd");
  await expect(said(page)).toContainText("524,3");
  expect(Date.now() - began).toBeLessThan(5000);

  await page.evaluate(() => (navigator.storage.estimate = async () => ({ usage: 75_000_000, quota: 87_000_000 })));
  const file = join(world.folder, "mi-long.mp4");
  writeFileSync(file, "");
  execFileSync("truncate", ["-s", "40M", file]);
  await page.locator("[data-pick=gallery]").setInputFiles(file);
  await page.locator("[data-panel=nude]").getByRole("button", { name: "Non", exact: true }).click();
  await expect(said(page)).toContainText("pas assez de place");
  await expect(said(page)).toContainText("12 Mo libres");
  expect(await count(page, "chunk")).toBe(0);
  await page.evaluate(() => (navigator.storage.estimate = async () => ({ usage: 0, quota: 87_000_000 })));
  await note(page, "après", "il y a de la place");
  expect(await count(page, "chunk")).toBe(1);
});

test("a disk that is full in the middle of a file leaves nothing of it, and the next one comes in", async ({ page, world }) => {
  // This browser says that there is room, and then there is none for the eleventh piece.
  const full = `{ let n = 0; const put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = function (...of) { if (this.name === "chunk" && ++n === 11) throw new DOMException("", "QuotaExceededError"); return put.apply(this, of); }; }`;
  await page.route("**/vault-worker*", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: full + (await answer.text()) });
  });
  await make(page);
  const file = join(world.folder, "mi-long.mp4");
  writeFileSync(file, "");
  execFileSync("truncate", ["-s", "60M", file]);
  await page.locator("[data-pick=gallery]").setInputFiles(file);
  await page.locator("[data-panel=nude]").getByRole("button", { name: "Non", exact: true }).click();
  await expect(said(page)).toContainText("pas assez de place", { timeout: 15_000 });
  expect(await count(page, "chunk")).toBe(0);
  expect(await count(page, "item")).toBe(0);
  await note(page, "après", "il y a de la place");
  expect(await count(page, "chunk")).toBe(1);
});

test("one file takes everything to another device; brought twice, nothing is there twice", async ({ page, world }) => {
  await make(page);
  await note(page, "Lundi", "des mots");
  await addPicture(page, "capture.png");
  await expect(items(page)).toHaveCount(2);
  const times = await items(page).locator("[data-facts]").allTextContents();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Faire une sauvegarde" }).click()]);
  expect(download.suggestedFilename()).toMatch(/^sauvegarde-\d{4}-\d\d-\d\d\.bin$/);
  const file = join(world.folder, "sauvegarde.bin");
  await download.saveAs(file);
  const bytes = readFileSync(file);
  for (const canary of ["Lundi", "des mots", "capture.png", "ZQXMARK", "image/png"]) expect(bytes.includes(canary), canary).toBe(false);

  const second = await world.browser("second");
  const there = second.pages()[0] ?? (await second.newPage());
  await there.goto(world.house.url);
  await there.getByRole("button", { name: "J'ai une sauvegarde" }).click();
  await there.getByLabel("Le fichier de sauvegarde").first().setInputFiles(file);
  await there.locator("[data-view=restore]").getByLabel("La phrase secrète de cette sauvegarde").fill("pas celle-ci vraiment");
  await there.getByRole("button", { name: "Remettre le coffre ici" }).click();
  await expect(said(there, "restore")).toContainText("Ce n'est pas la phrase de cette sauvegarde");
  await there.locator("[data-view=restore]").getByLabel("La phrase secrète de cette sauvegarde").fill(phrase);
  await there.getByRole("button", { name: "Remettre le coffre ici" }).click();
  await expect(items(there)).toHaveCount(2, { timeout: 15_000 });
  expect(await items(there).locator("[data-facts]").allTextContents()).toEqual(times);
  await expect(items(there).first().locator("img")).toBeVisible();

  // Once more, into the same vault: nothing twice. And into another vault, under another phrase.
  const bring = async (tab: Page, from: string, by = phrase) => {
    const again = await tab.locator("[data-panel=import]").isVisible();
    if (!again) await tab.getByRole("button", { name: "Ajouter depuis une sauvegarde" }).click();
    await tab.locator("[data-panel=import] input[type=file]").setInputFiles(from);
    await tab.locator("[data-panel=import]").getByLabel("La phrase secrète de cette sauvegarde").fill(by);
    await tab.locator("[data-panel=import]").getByRole("button", { name: "Ajouter" }).click();
  };
  await bring(there, file);
  await expect(said(there)).toContainText("Ajouté : 0. Déjà là : 2.");
  await expect(items(there)).toHaveCount(2);

  const third = await world.browser("third");
  const other = third.pages()[0] ?? (await third.newPage());
  await other.goto(world.house.url);
  await make(other, "une toute autre phrase");
  await note(other, "à moi", "déjà ici");
  await bring(other, file);
  await expect(said(other)).toContainText("Ajouté : 2. Déjà là : 0.", { timeout: 15_000 });
  await expect(items(other)).toHaveCount(3);
  await bring(other, file);
  await expect(said(other)).toContainText("Ajouté : 0. Déjà là : 2.");

  // What is no backup, another version, and one that ends too early each have their sentence.
  const broken = (name: string, change: (b: Buffer<ArrayBuffer>) => Buffer<ArrayBuffer>) => {
    const at = join(world.folder, name);
    writeFileSync(at, change(Buffer.from(bytes) as Buffer<ArrayBuffer>));
    return at;
  };
  await bring(other, broken("photo.jpg", () => Buffer.from("pas une sauvegarde du tout, mais assez long")));
  await expect(said(other)).toContainText("n'est pas une sauvegarde");
  await bring(other, broken("vieux.bin", (b) => (b.writeUInt32BE(0, 12), b)));
  await expect(said(other)).toContainText("ancien format");
  await bring(other, broken("neuf.bin", (b) => (b.writeUInt32BE(7, 12), b)));
  await expect(said(other)).toContainText("version plus récente");
  await bring(other, broken("coupe.bin", (b) => b.subarray(0, b.length - 60)));
  await expect(said(other)).toContainText("pas complète");
  await expect(items(other)).toHaveCount(3);
});

test("a clock that jumps changes no order", async ({ page }) => {
  await page.clock.install({ time: new Date("2026-11-23T10:00:00") });
  await make(page);
  await note(page, "premier", "a");
  await page.clock.setSystemTime(new Date("2020-01-01T10:00:00"));
  await note(page, "deuxième", "b");
  await page.clock.setSystemTime(new Date("2031-01-01T10:00:00"));
  await note(page, "troisième", "c");
  await page.getByRole("button", { name: "Fermer le coffre" }).click();
  await unlock(page);
  await expect(items(page).locator("[data-name]")).toHaveText(["troisième", "deuxième", "premier"]);
  await expect(items(page).nth(1)).toContainText("1 janvier 2020");
});

test("nothing of it is on the disk in clear: no word, no name, no date, no byte of a picture, no phrase", async ({ page, world }) => {
  await make(page, "zqxmarkphrase un deux trois");
  await note(page, "ZQXMARKTITRE", "ZQXMARKTEXTE ".repeat(50));
  await addPicture(page, "ZQXMARKNOM.png");
  await page.getByRole("button", { name: "Un lien" }).click();
  await page.getByLabel("L'adresse", { exact: true }).fill("https://zqxmarkadresse.example/ZQXMARKLIEN");
  await page.locator("[data-panel=link]").getByRole("button", { name: "Mettre dans le coffre" }).click();
  await expect(items(page)).toHaveCount(3);
  const date = await page.evaluate(() => new Date().toISOString().slice(0, 13));
  await items(page).nth(1).getByRole("button").first().click();
  await expect(page.locator("[data-look] img")).toBeVisible();
  await page.getByRole("button", { name: "Fermer le coffre" }).click();
  await page.context().close();
  const profile = join(world.folder, "profile");
  const found: string[] = [];
  let files = 0;
  let bytes = 0;
  // The marks are nowhere at all; what could be any site's is nowhere in what belongs to this one.
  const both = (text: string): Buffer[] => [Buffer.from(text), Buffer.from(text, "utf16le")];
  const nowhere = [...both("ZQXMARK"), ...both("zqxmark"), picture().subarray(40, 90)];
  const notOurs = [...both("image/png"), ...both("sha256"), ...both(date)];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile()) {
        files++;
        const body = readFileSync(path);
        bytes += body.length;
        const ours = /IndexedDB|Local Storage|Session Storage|Sessions|blob_storage|Web Data|Login Data|History/.test(path);
        for (const canary of ours ? [...nowhere, ...notOurs] : nowhere) if (body.includes(canary)) found.push(`${path}: ${canary.toString()}`);
      }
    }
  };
  walk(profile);
  expect(files).toBeGreaterThan(20);
  expect(bytes).toBeGreaterThan(10_000);
  // The search finds what is there: the database is among the files, with the name of the format.
  const database = readdirSync(join(profile, "Default", "IndexedDB")).map((d) => join(profile, "Default", "IndexedDB", d));
  expect(database.some((d) => readdirSync(d).some((f) => statSync(join(d, f)).isFile() && readFileSync(join(d, f)).includes("vigie-vault")))).toBe(true);
  expect(found).toEqual([]);
});

const proof = "0190aaaa-0000-7000-8000-000000000001";
const asked = { proof, what: "Envoyer : une capture de la publication", warning: "Jamais une image où quelqu'un est nu.", max: 100_000, kinds: ["image/jpeg", "image/png"] };

test("one thing is handed to the counsellor who asks, with its hash and time; what cannot be is told before", async ({ page, world }) => {
  const { house } = world;
  await make(page);
  await note(page, "Lundi", "des mots");
  await addPicture(page, "grande.png", Buffer.concat([picture(), Buffer.alloc(200_000)]));
  await addPicture(page, "capture.png");
  await expect(page.getByRole("button", { name: "Donner à la personne qui m'aide" })).toHaveCount(0);
  house.talk = { asked, given: [] };
  await page.getByRole("button", { name: "Fermer le coffre" }).click();
  await unlock(page);
  await expect(page.getByText("une capture de la publication")).toBeVisible();
  const give = (name: string) => items(page).filter({ hasText: name }).getByRole("button", { name: "Donner à la personne qui m'aide" }).click();
  await give("Lundi");
  await expect(said(page)).toContainText("que des images");
  await give("grande.png");
  await expect(said(page)).toContainText("trop lourd pour être donné : 100");
  expect(house.files).toHaveLength(0);
  await give("capture.png");
  await expect(page.locator("[data-panel=give]")).toContainText("quelqu'un est nu");
  house.answer = { status: 200, type: "application/json", body: JSON.stringify({ proof, at: "2026-11-23T20:05:06Z", match: true }) };
  await page.getByRole("button", { name: "Donner cette copie" }).click();
  expect(house.files, "not before she says that nobody is naked").toHaveLength(0);
  house.talk = { asked: null, given: [{ proof, opened: false, back: "" }] };
  await page.locator("[data-panel=give] input[name=sure]").check();
  await page.getByRole("button", { name: "Donner cette copie" }).click();
  await expect(said(page)).toContainText("L'empreinte est vérifiée");
  const sent = house.files[0]!;
  expect(sent.path).toBe(`/chat/file/${proof}`);
  const text = sent.body.toString("latin1");
  expect(text).toMatch(/name="sure"\r\n\r\nyes[\s\S]*name="vault_sha256"\r\n\r\n[0-9a-f]{64}\r\n[\s\S]*name="vault_at"\r\n\r\n\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d\r\n[\s\S]*name="file"; filename="capture.png"/);
  expect(text).toContain(createHash("sha256").update(picture()).digest("hex"));
  expect(sent.body.includes(picture())).toBe(true);
  const line = items(page).filter({ hasText: "capture.png" });
  await expect(line).toContainText("Donné le 23 novembre 2026");
  // Taken back while nobody has opened it.
  house.answer = { status: 200, type: "application/json", body: JSON.stringify({ proof, at: "2026-11-23T20:06:00Z" }) };
  house.talk = { asked: null, given: [{ proof, opened: false, back: "2026-11-23T20:06:00Z" }] };
  await line.getByRole("button", { name: "Reprendre" }).click();
  await expect(said(page)).toContainText("C'est repris");
  expect(house.backs).toEqual([`/chat/file/${proof}/back`]);
  await expect(line).toContainText("repris le 23 novembre 2026");
  await expect(line.getByRole("button", { name: "Reprendre" })).toBeHidden();
  // It is known after closing too, and without a conversation.
  house.talk = undefined;
  await page.getByRole("button", { name: "Fermer le coffre" }).click();
  await unlock(page);
  await expect(items(page).filter({ hasText: "capture.png" })).toContainText("repris le");
});

test("what was opened cannot be taken back, and the house's sentence says so; a difference is told", async ({ page, world }) => {
  const { house } = world;
  house.talk = { asked, given: [] };
  await make(page);
  await addPicture(page, "capture.png");
  const line = items(page).filter({ hasText: "capture.png" });
  await line.getByRole("button", { name: "Donner à la personne qui m'aide" }).click();
  house.answer = { status: 410, type: "text/plain; charset=utf-8", body: "Il n'y a pas de fichier à envoyer en ce moment." };
  await page.locator("[data-panel=give] input[name=sure]").check();
  await page.getByRole("button", { name: "Donner cette copie" }).click();
  await expect(said(page)).toContainText("pas de fichier à envoyer");
  house.answer = { status: 200, type: "application/json", body: JSON.stringify({ proof, at: "2026-11-23T20:05:06Z", match: false }) };
  house.talk = { asked: null, given: [{ proof, opened: false, back: "" }] };
  await page.getByRole("button", { name: "Donner cette copie" }).click();
  await expect(said(page)).toContainText("n'est pas la même à l'arrivée");
  await expect(line.getByRole("button", { name: "Reprendre" })).toBeVisible();
  house.answer = { status: 409, type: "text/plain; charset=utf-8", body: "Cette copie a déjà été ouverte." };
  house.talk = { asked: null, given: [{ proof, opened: true, back: "" }] };
  await line.getByRole("button", { name: "Reprendre" }).click();
  await expect(said(page)).toContainText("déjà été ouverte");
  await expect(line).toContainText("ouvert depuis");
  await expect(line.getByRole("button", { name: "Reprendre" })).toBeHidden();
});

type Sent = { name?: string; type?: string; body: string; base64?: boolean };

/** Shares as a telephone does it: a form that is posted to the address of the manifest; from another site where one is named. */
async function share(page: Page, house: House, sent: Sent[], from = house.url, policy = "origin"): Promise<void> {
  await page.goto(from);
  if (from === house.url) await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await Promise.all([
    page.waitForURL(/\/vault(\/share.*)?$/, { waitUntil: "load" }),
    page.waitForEvent("framenavigated"),
    page.evaluate(
      ({ sent, action, policy }) => {
        const meta = document.createElement("meta");
        meta.name = "referrer";
        meta.content = policy;
        document.head.append(meta);
        const form = document.createElement("form");
        [form.method, form.enctype, form.action] = ["post", "multipart/form-data", action];
        const data = new DataTransfer();
        for (const { name, type, body, base64 } of sent) {
          if (name) data.items.add(new File([base64 ? Uint8Array.from(atob(body), (c) => c.charCodeAt(0)) : body], name, { type: type ?? "" }));
          else form.append(Object.assign(document.createElement("input"), { name: "text", value: body }));
        }
        const files = Object.assign(document.createElement("input"), { type: "file", name: "files", multiple: true });
        files.files = data.files;
        if (data.items.length > 0) form.append(files);
        document.body.append(form);
        setTimeout(() => form.submit());
      },
      { sent, action: `${house.url}/share`, policy },
    ),
  ]);
}

const capture: Sent = { name: "capture.png", type: "image/png", body: picture().toString("base64"), base64: true };
const offered = (page: Page) => page.locator("[data-shared] > li");
const press = (page: Page, panel: string, name: string) => page.locator(`[data-panel=${panel}]`).getByRole("button", { name, exact: true }).click();

/** A vault that is locked, with a worker in front of it. */
async function shareable(page: Page, house: House): Promise<void> {
  house.worker = true;
  await page.goto(house.url);
  await make(page);
  await expect.poll(() => page.evaluate(() => !!navigator.serviceWorker.controller), { timeout: 10_000 }).toBe(true);
}

test("what was shared is offered, and only what she takes comes in; of a naked picture nothing stays, sealed or not", async ({ page, world: { house } }) => {
  await shareable(page, house);
  await share(page, house, [capture, { body: "https://reseau.example/p/3" }, { ...capture, name: "autre.png" }]);
  expect(house.shares).toBe(0);
  expect(await count(page, "inbox")).toBe(3);
  await unlock(page);
  await expect(offered(page)).toHaveCount(3);
  await expect(offered(page).first()).toContainText("capture.png");
  await expect(offered(page).first()).toContainText("Image");
  expect(await count(page, "item")).toBe(0);
  // Yes: it leaves the inbox too, and is not asked about again.
  await offered(page).first().getByRole("button", { name: "Mettre dans le coffre" }).click();
  await press(page, "nude", "Oui");
  await expect(page.locator("[data-panel=refused]")).toBeVisible();
  expect(await count(page, "inbox")).toBe(2);
  await press(page, "refused", "Retour");
  await page.getByRole("button", { name: "Voir ce qui attend" }).click();
  await expect(offered(page)).toHaveCount(2);
  // A link is no picture.
  await offered(page).filter({ hasText: "reseau.example" }).getByRole("button", { name: "Mettre dans le coffre" }).click();
  await expect.poll(() => count(page, "item")).toBe(1);
  await expect.poll(() => count(page, "inbox")).toBe(1);
  // In doubt, and she writes down where it is instead.
  await offered(page).filter({ hasText: "autre.png" }).getByRole("button", { name: "Mettre dans le coffre" }).click();
  await press(page, "nude", "Je ne sais pas");
  await press(page, "unsure", "Noter l'adresse, le compte, la date");
  await expect(page.locator("[data-panel=trace]")).toBeVisible();
  expect(await count(page, "inbox")).toBe(0);
  await page.getByRole("button", { name: "Fermer le coffre" }).click();
  await unlock(page);
  await expect(items(page)).toHaveCount(1);
  await expect(page.locator("[data-panel=nude], [data-panel=shared]").filter({ visible: true })).toHaveCount(0);
});

test("what another site posts is left to the server", async ({ page, world: { house } }) => {
  await shareable(page, house);
  await share(page, house, [{ body: "à elle, dit un autre" }], house.url.replace("127.0.0.1", "localhost").replace("/vault", "/elsewhere"));
  expect(house.shares).toBe(1);
  await page.goto(house.url);
  expect(await count(page, "inbox")).toBe(0);
});

test("what hides where it is from is an offer, and never an item by itself", async ({ page, world: { house } }) => {
  await shareable(page, house);
  await share(page, house, [{ name: "a.txt", type: "text/plain", body: "à elle, dit un autre" }], house.url.replace("127.0.0.1", "localhost").replace("/vault", "/elsewhere"), "no-referrer");
  await page.goto(house.url);
  expect(await count(page, "inbox")).toBe(1);
  await unlock(page);
  await expect(offered(page)).toContainText(["a.txt"]);
  expect(await count(page, "item")).toBe(0);
  await offered(page).getByRole("button", { name: "Jeter" }).click();
  await expect(said(page)).toContainText("C'est jeté");
  expect(await count(page, "inbox")).toBe(0);
  expect(await count(page, "item")).toBe(0);
});

test("the inbox holds twenty things, and a share that is too much leaves nothing", async ({ page, world: { house } }) => {
  await shareable(page, house);
  const texts = (n: number): Sent[] => Array.from({ length: n }, (_, i) => ({ name: `${i}.txt`, type: "text/plain", body: `texte ${i}` }));
  await share(page, house, texts(18));
  expect(await count(page, "inbox")).toBe(18);
  await share(page, house, texts(3));
  await expect(page).toHaveURL(/\/vault\/share\?why=worker$/);
  await page.goto(house.url);
  expect(await count(page, "inbox")).toBe(18);
  await share(page, house, [...texts(1), { body: "avec des mots" }]);
  expect(await count(page, "inbox")).toBe(20);
});

test("what a file is called does not say what it shows: all that is not text or sound by its bytes is asked about", async ({ page }) => {
  await make(page);
  const give = (name: string, mimeType: string, buffer: Buffer) => page.locator("[data-pick=any]").setInputFiles({ name, mimeType, buffer });
  const nude = page.locator("[data-panel=nude]");
  await give("mots.txt", "text/plain", Buffer.from("des mots, « entre guillemets »\n".repeat(400)));
  await expect(items(page)).toHaveCount(1);
  await give("voix.ogg", "audio/ogg", Buffer.concat([Buffer.from("OggS"), Buffer.alloc(24), Buffer.from("OpusHead"), Buffer.alloc(300)]));
  await expect(items(page)).toHaveCount(2);
  await expect(nude).toBeHidden();
  for (const [name, type, body] of [
    ["notes.txt", "text/plain", picture()],
    ["voix.mp3", "audio/mpeg", Buffer.concat([Buffer.alloc(4), Buffer.from("ftypisom"), Buffer.alloc(300)])],
    ["dessin.txt", "text/plain", Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ["page.pdf", "application/pdf", Buffer.from("%PDF-1.7\n")],
    ["rien.bin", "", Buffer.from([1, 2, 3])],
  ] as const) {
    await give(name, type, body);
    await expect(nude, name).toBeVisible();
    await expect(nude).toContainText(name);
    await nude.getByRole("button", { name: "Retour" }).or(nude.getByRole("button", { name: "Je ne sais pas" })).click();
    await press(page, "unsure", "Retour");
  }
  await give("notes.txt", "text/plain", picture());
  await press(page, "nude", "Non");
  await expect(items(page).first()).toContainText("Image");
});

test("closing in the middle takes nothing twice, and what another tab threw away does not come in", async ({ page, world: { house } }) => {
  await shareable(page, house);
  await share(page, house, [capture, { ...capture, name: "autre.png" }]);
  await unlock(page);
  await offered(page).first().getByRole("button", { name: "Mettre dans le coffre" }).click();
  await expect(page.locator("[data-panel=nude]")).toBeVisible();
  await page.getByRole("button", { name: "Fermer le coffre" }).click();
  await expect(said(page, "locked")).toHaveText("Le coffre est fermé.");
  await unlock(page);
  await expect(offered(page)).toHaveCount(2);
  await expect(page.locator("[data-panel=nude]")).toBeHidden();
  await offered(page).first().getByRole("button", { name: "Mettre dans le coffre" }).click();
  await expect(page.locator("[data-panel=nude]")).toBeVisible();
  const other = await page.context().newPage();
  await other.goto(house.url);
  await unlock(other);
  await offered(other).first().getByRole("button", { name: "Jeter" }).click();
  await expect(offered(other)).toHaveCount(1);
  await press(page, "nude", "Non");
  await expect(said(page)).toContainText("Un autre onglet");
  expect(await count(page, "item")).toBe(0);
  expect(await count(page, "chunk")).toBe(0);
  await expect(offered(page)).toHaveCount(1);
  await offered(page).getByRole("button", { name: "Mettre dans le coffre" }).click();
  await press(page, "nude", "Non");
  await expect(items(page)).toHaveCount(1);
  expect(await count(page, "inbox")).toBe(0);
});

test("a shared thing that does not open stays until she throws it away", async ({ page, world: { house } }) => {
  await shareable(page, house);
  await share(page, house, [capture]);
  await page.evaluate(
    () =>
      new Promise<void>((done) => {
        const request = indexedDB.open("vigie-vault");
        request.onsuccess = () => {
          const t = request.result.transaction("inbox", "readwrite");
          t.objectStore("inbox").openCursor().onsuccess = ({ target }) => {
            const at = (target as IDBRequest<IDBCursorWithValue>).result;
            at.update({ ...at.value, meta: new ArrayBuffer(60) });
          };
          t.oncomplete = () => (request.result.close(), done());
        };
      }),
  );
  await unlock(page);
  await expect(offered(page)).toContainText(["Ne s'ouvre pas"]);
  await expect(offered(page).getByRole("button", { name: "Mettre dans le coffre" })).toBeHidden();
  expect(await count(page, "inbox")).toBe(1);
  await offered(page).getByRole("button", { name: "Jeter" }).click();
  await expect(said(page)).toContainText("C'est jeté");
  expect(await count(page, "inbox")).toBe(0);
});

test("pages that were taken away stay away until they are asked for", async ({ page, world: { house } }) => {
  await shareable(page, house);
  const kept = () =>
    page.evaluate(async () => {
      let n = 0;
      for (const name of await caches.keys()) if (name.startsWith("vigie-shelf-")) n += (await (await caches.open(name)).keys()).length;
      return n;
    });
  const says = (vigie: string) =>
    page.evaluate(
      (vigie) =>
        new Promise((done) => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = ({ data }) => done(data);
          void navigator.serviceWorker.ready.then(({ active }) => active?.postMessage({ vigie, lang: "fr" }, [port2]));
        }),
      vigie,
    );
  await expect.poll(kept).toBeGreaterThan(0);
  expect(await says("forget")).toBe("forgotten");
  expect(await kept()).toBe(0);
  const here = page.waitForEvent("load");
  await page.reload();
  await here;
  await page.waitForTimeout(5000);
  expect(await kept()).toBe(0);
  expect(await says("keep")).toBe("kept");
  expect(await kept()).toBeGreaterThan(0);
});
