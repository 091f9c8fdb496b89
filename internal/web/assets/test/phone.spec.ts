import type { BrowserContext, Page } from "@playwright/test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, type Stage } from "./stage";

// The softphone's element against a server that is a page of its own: an RTCPeerConnection there answers the
// offers. Whether tones come through is measured in internal/phone/rtc.

test.use({
  permissions: ["microphone"],
  launchOptions: {
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream", "--allow-loopback-in-peer-connection", "--autoplay-policy=no-user-gesture-required", "--disable-features=WebRtcHideLocalIpsWithMdns"],
  },
});

const dist = join(import.meta.dirname, "..", "dist");
const built = JSON.parse(readFileSync(join(dist, "manifest.json"), "utf8")) as Record<string, string>;
const desk = built["desk.js"];
const mark = built["mark.svg"];
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; require-trusted-types-for 'script'; trusted-types vigie";

interface Call {
  state: string;
  attached?: string;
}

const piece = ({ state, attached = "" }: Call): string =>
  `<div id="phone-call" data-phone-call data-contact="c1" data-node="n1" data-attached="${attached}" data-state="${state}" data-act="/desk/phone/calls/c1">
    <details class="phone-keypad" id="pad" open><summary>Clavier</summary><form method="post" action="/desk/phone/calls/c1/digits" data-phone-digits>
    <output data-phone-dialled></output>${[..."123456789*0#"].map((k) => `<button name="digits" value="${k}">${k}</button>`).join("")}</form></details></div>`;

const bar = (call: Call): string => `<soft-phone id="soft-phone" data-node="n1" data-say-denied="Micro refusé" data-say-muted="Micro coupé" data-say-unmuted="Micro ouvert" data-say-voiceless="Sans micro" data-say-elsewhere="Dans un autre onglet" data-say-page="Cette page ne s'ouvre pas.">
  <button data-phone-take aria-pressed="false">Prendre les appels</button><button data-phone-mute aria-pressed="false" data-shortcut="alt+m">Couper mon micro</button>${piece(call)}
  <button data-phone-here hidden>Prendre l'appel ici</button><button data-phone-unblock hidden>Entendre</button>
  <select data-phone-microphone aria-label="Micro"><option value="">Celui de l'ordinateur</option></select><input type="range" data-phone-volume aria-label="Volume"><p role="status" data-phone-status></p></soft-phone>`;

/** Opens the desk with a call in this state, and a server that answers its lines. */
async function openDesk(page: Page, stage: Stage, call: Call, pages: Record<string, string> = {}): Promise<void> {
  now = call;
  const server = await answerer(page.context());
  const faults: string[] = [];
  await page.addInitScript(() => {
    const own = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    (window as unknown as { tracks: MediaStreamTrack[] }).tracks = [];
    navigator.mediaDevices.getUserMedia = async (wish) => {
      const stream = await own(wish);
      (window as unknown as { tracks: MediaStreamTrack[] }).tracks.push(...stream.getTracks());
      return stream;
    };
  });
  await page.route(/\/desk(\/|$|\?)/, async (route) => {
    const request = route.request();
    const { pathname, search } = new URL(request.url());
    if (request.method() === "POST" && pathname.endsWith("/offer")) {
      const sdp = new URLSearchParams(request.postData() ?? "").get("sdp") ?? "";
      try {
        await route.fulfill({ json: { sdp: await server.evaluate((offer) => (window as unknown as { answer(offer: string): Promise<string> }).answer(offer), sdp) } });
      } catch (error) {
        faults.push(String(error));
        await route.abort();
      }
      return;
    }
    if (request.method() === "POST") return route.fallback();
    if (pathname === "/desk/phone/ice") return route.fulfill({ json: [] });
    const inside = pages[pathname + search] ?? pages[pathname];
    if (inside === "502") return route.fulfill({ status: 502, contentType: "text/plain", body: "Le serveur redémarre." });
    await route.fulfill({
      contentType: "text/html; charset=utf-8",
      headers: { "Content-Security-Policy": policy },
      body: `<!doctype html><html lang="fr"><head><title>${pathname}</title><link rel="icon" href="/assets/${mark}"><script type="module" src="/assets/${desk}"></script></head><body class="desk">
        <header><a href="/desk/history">Historique</a> <a href="/desk/gone">Absente</a></header><live-stream src="/live"></live-stream>${bar({ attached, ...now })}<main id="main" tabindex="-1"><h1>${pathname}${search}</h1>${inside ?? ""}</main></body></html>`,
    });
  });
  await page.goto(`${stage.url}/desk`);
  expect(faults).toEqual([]);
}

/** A page that plays the server's part of a line. */
async function answerer(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  await page.evaluate(() => {
    Object.assign(window, {
      answer: async (offer: string) => {
        const pc = new RTCPeerConnection();
        (window as unknown as { kept: unknown[] }).kept = [...((window as unknown as { kept?: unknown[] }).kept ?? []), pc];
        await pc.setRemoteDescription({ type: "offer", sdp: offer });
        await pc.setLocalDescription();
        await new Promise<void>((done) => {
          if (pc.iceGatheringState === "complete") done();
          else pc.onicegatheringstatechange = () => pc.iceGatheringState === "complete" && done();
        });
        return pc.localDescription?.sdp ?? "";
      },
    });
  });
  return page;
}

/** How many microphones are open: each would light the browser's recording sign. */
const open = (page: Page): Promise<number> => page.evaluate(() => (window as unknown as { tracks: MediaStreamTrack[] }).tracks.filter((t) => t.readyState === "live").length);

/** Which line is on the call, as the server knows it. */
let attached = "";
/** What the pages of the desk say of the call. */
let now: Call = { state: "none" };
test.beforeEach(() => void (attached = ""));

/** Answers an attachment as the desk does: the call as it is now. */
function attachable(stage: Stage, taken = ""): void {
  attached = taken;
  stage.answer = ({ path, fields }) => {
    if (!path.endsWith("/attach")) return { status: 204 };
    if (attached && attached !== fields["peer"] && fields["force"] !== "1") return { status: 409 };
    attached = fields["peer"] ?? "";
    return { status: 200, type: "text/html; charset=utf-8", body: piece({ state: "talking", attached }) };
  };
}

const attaches = (stage: Stage): Record<string, string>[] => stage.of("/desk/phone/calls/c1/attach");

test("the microphone is asked for once when the desk begins to take calls, and closed again at once", async ({ page, stage }) => {
  await openDesk(page, stage, { state: "none" });
  const take = page.getByRole("button", { name: "Prendre les appels" });
  await take.click();
  await expect(take).toHaveAttribute("aria-pressed", "true");
  await expect.poll(() => stage.of("/desk/phone/ready")).toEqual([{ on: "1" }]);
  await expect.poll(() => open(page)).toBe(0);
  await page.reload();
  await expect(take, "it was taking calls before the reload").toHaveAttribute("aria-pressed", "true");
  await take.click();
  await expect.poll(() => stage.of("/desk/phone/ready").at(-1)).toEqual({ on: "0" });
});

test("a microphone that is refused is said in words, and the desk takes no calls", async ({ page, stage }) => {
  await openDesk(page, stage, { state: "none" });
  await page.evaluate(() => (navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotAllowedError"))));
  await page.getByRole("button", { name: "Prendre les appels" }).click();
  await expect(page.getByRole("status").last()).toHaveText("Micro refusé");
  await expect(page.getByRole("button", { name: "Prendre les appels" })).toHaveAttribute("aria-pressed", "false");
  expect(stage.of("/desk/phone/ready")).toEqual([]);
});

test("a call that is talked is attached here, and when it is over the microphone closes at once", async ({ page, stage }) => {
  attachable(stage);
  await openDesk(page, stage, { state: "talking" });
  await expect.poll(() => attaches(stage)).toHaveLength(1);
  expect(attaches(stage)[0]).toMatchObject({ node: "n1", force: "0" });
  expect(await open(page)).toBe(1);
  await expect(page.locator("soft-phone")).toHaveAttribute("data-alive", "");
  await expect.poll(() => stage.streams.length).toBe(1);
  stage.update(piece({ state: "none" }));
  await expect.poll(() => open(page)).toBe(0);
  await expect(page.locator("soft-phone"), "the line is kept for the next call").toHaveAttribute("data-alive", "");
});

test("what rings makes line and microphone ready, at a desk that takes calls only", async ({ page, stage }) => {
  await openDesk(page, stage, { state: "ringing" });
  await page.waitForTimeout(300);
  expect(await open(page), "this desk takes no calls").toBe(0);
  await page.getByRole("button", { name: "Prendre les appels" }).click();
  await expect.poll(() => open(page)).toBe(1);
  expect(attaches(stage)).toEqual([]);
});

test("a call of another tab is left there until she takes it here", async ({ page, stage }) => {
  attachable(stage, "another");
  await openDesk(page, stage, { state: "talking", attached: "another" });
  await expect(page.getByText("Dans un autre onglet")).toBeVisible();
  expect(await open(page)).toBe(0);
  expect(attaches(stage)).toEqual([]);
  await page.getByRole("button", { name: "Prendre l'appel ici" }).click();
  await expect.poll(() => attaches(stage)).toMatchObject([{ force: "1" }]);
  await expect.poll(() => open(page)).toBe(1);
  await expect(page.getByRole("button", { name: "Prendre l'appel ici" })).toBeHidden();
});

test("the first tab that attaches has the call; the other says so", async ({ page, stage }) => {
  attachable(stage, "another");
  await openDesk(page, stage, { state: "talking", attached: "" });
  await expect.poll(() => attaches(stage)).toMatchObject([{ force: "0" }]);
  await expect(page.getByText("Dans un autre onglet")).toBeVisible();
  await expect.poll(() => open(page), "nothing of her is heard twice").toBe(0);
});

test("Alt M mutes and says so, whatever has the focus", async ({ page, stage }) => {
  attachable(stage);
  await openDesk(page, stage, { state: "talking" });
  await expect.poll(() => attaches(stage)).toHaveLength(1);
  await page.keyboard.press("Alt+m");
  await expect(page.getByRole("button", { name: "Couper mon micro" })).toHaveAttribute("aria-pressed", "true");
  await expect(page.getByText("Micro coupé")).toBeVisible();
  expect(await page.evaluate(() => (window as unknown as { tracks: MediaStreamTrack[] }).tracks.map((t) => t.enabled))).toEqual([false]);
  await page.keyboard.press("Alt+m");
  await expect(page.getByText("Micro ouvert")).toBeVisible();
});

test("who muted herself stays muted through a reload, and not in the next call", async ({ page, stage }) => {
  attachable(stage);
  await openDesk(page, stage, { state: "talking" });
  await expect.poll(() => attaches(stage)).toHaveLength(1);
  await page.keyboard.press("Alt+m");
  await expect(page.getByText("Micro coupé")).toBeVisible();
  await page.reload();
  await expect.poll(() => attaches(stage)).toHaveLength(2);
  await expect(page.getByRole("button", { name: "Couper mon micro" })).toHaveAttribute("aria-pressed", "true");
  await expect(page.getByText("Micro coupé")).toBeVisible();
  await expect.poll(() => page.evaluate(() => (window as unknown as { tracks: MediaStreamTrack[] }).tracks.map((t) => t.enabled))).toEqual([false]);
  await expect.poll(() => stage.streams.length).toBeGreaterThan(0);
  stage.update(piece({ state: "none" }));
  await expect(page.getByRole("button", { name: "Couper mon micro" })).toHaveAttribute("aria-pressed", "false");
});

test("a microphone that is pulled out has the caller wait, and nobody else rings here", async ({ page, stage }) => {
  attachable(stage);
  await openDesk(page, stage, { state: "talking" });
  await expect.poll(() => attaches(stage)).toHaveLength(1);
  await page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotFoundError"));
    const [track] = (window as unknown as { tracks: MediaStreamTrack[] }).tracks;
    track!.stop();
    track!.dispatchEvent(new Event("ended"));
  });
  await expect(page.getByText("Sans micro")).toBeVisible();
  expect(stage.of("/desk/phone/calls/c1/hold")).toHaveLength(1);
  expect(stage.of("/desk/phone/ready").at(-1)).toMatchObject({ on: "0" });
});

test("keys arrive in their order, however fast they are pressed, by mouse and by keyboard", async ({ page, stage }) => {
  attachable(stage);
  await openDesk(page, stage, { state: "talking" });
  await expect.poll(() => attaches(stage)).toHaveLength(1);
  await page.getByRole("button", { name: "1", exact: true }).click();
  await page.keyboard.type("23#*4567890");
  await expect.poll(() => stage.of("/desk/phone/calls/c1/digits").map((f) => f["digits"]).join("")).toBe("123#*4567890");
  await expect(page.locator("[data-phone-dialled]")).toHaveText("123#*4567890");
});

test("links, forms and Back exchange the page around the softphone, the stream with it", async ({ page, stage }) => {
  attachable(stage);
  await openDesk(page, stage, { state: "talking" }, { "/desk/history": `<form method="get" action="/desk/history"><input name="q" aria-label="Mot"><button>Chercher</button></form>` });
  await expect.poll(() => attaches(stage)).toHaveLength(1);
  await page.evaluate(() => Object.assign(window, { first: document.querySelector("soft-phone") }));
  const same = (): Promise<boolean> => page.evaluate(() => document.querySelector("soft-phone") === (window as unknown as { first: Element }).first);
  const title = page.locator("h1");
  await expect.poll(() => stage.streams.length).toBe(1);
  await page.getByRole("link", { name: "Historique" }).click();
  await expect(title).toHaveText("/desk/history");
  await expect(title, "a screen reader goes on from the new title").toBeFocused();
  await expect(page).toHaveTitle("/desk/history");
  await expect.poll(() => stage.streams.length, "the new page has its own stream").toBe(2);
  expect(stage.streams[0]?.out.destroyed, "and the old one is closed").toBe(true);
  await page.getByLabel("Mot").fill("lune");
  await page.keyboard.press("Enter");
  await expect(title).toHaveText("/desk/history?q=lune");
  await page.goBack();
  await expect(title).toHaveText("/desk/history");
  await page.goBack();
  await expect(title).toHaveText("/desk");
  await page.goForward();
  await expect(title).toHaveText("/desk/history");
  expect(await same()).toBe(true);
  expect(attaches(stage), "the call heard nothing of it").toHaveLength(1);
});

test("Back beyond the page on which the call began leads there and keeps the call", async ({ page, stage }) => {
  await openDesk(page, stage, { state: "none" });
  await page.goto(`${stage.url}/desk/history`);
  attachable(stage);
  await page.goto(`${stage.url}/desk?c=1`);
  await expect.poll(() => stage.streams.length).toBeGreaterThan(0);
  await page.evaluate(() => Object.assign(window, { first: document.querySelector("soft-phone") }));
  now = { state: "talking" };
  stage.update(piece(now));
  await expect.poll(() => attaches(stage)).toHaveLength(1);
  await page.evaluate(() => history.back());
  await expect(page.locator("h1")).toHaveText("/desk/history");
  expect(await page.evaluate(() => document.querySelector("soft-phone") === (window as unknown as { first: Element }).first)).toBe(true);
  await page.evaluate(() => history.back());
  await expect(page.locator("h1")).toHaveText("/desk");
  expect(attaches(stage), "the call heard nothing of it").toHaveLength(1);
});

test("a page that does not come is a sentence, and the call goes on", async ({ page, stage }) => {
  attachable(stage);
  await openDesk(page, stage, { state: "talking" }, { "/desk/gone": "502" });
  await expect.poll(() => attaches(stage)).toHaveLength(1);
  await page.getByRole("link", { name: "Absente" }).click();
  await expect(page.getByRole("alert")).toHaveText("Cette page ne s'ouvre pas. Le serveur redémarre.");
  await expect(page).toHaveURL(/\/desk$/);
  expect(await open(page)).toBe(1);
});

test("without a call a link is a link", async ({ page, stage }) => {
  await openDesk(page, stage, { state: "none" });
  await page.evaluate(() => Object.assign(window, { first: true }));
  await page.getByRole("link", { name: "Historique" }).click();
  await expect(page.locator("h1")).toHaveText("/desk/history");
  expect(await page.evaluate(() => "first" in window)).toBe(false);
});
