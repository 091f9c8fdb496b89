// The network of a counsellor's computer is cut in the middle of a call: what the caller hears is recorded all along.
import { announcement, contains, expect, hears, hearsMusic, PhoneDesk, someoneWithHeadset, test as base, voices } from "./calls";
import { freePort } from "./helpline";
import { aNetwork, needsNetwork, type WithNetwork } from "./network";
import { logsIn } from "./staff";
import type { Page } from "@playwright/test";

interface OfNetwork {
  /** A counsellor with a headset at a computer that has a network of its own. */
  away: PhoneDesk;
}

const test = base.extend<OfNetwork, WithNetwork>({
  network: aNetwork,

  // Browsers bring their sound to this machine's end of the cable.
  settings: [
    async ({ network }, use) => use({ VIGIE_PHONE_GRACE: "15s", ...(network ? { VIGIE_PHONE_WEB: `${network.here}:${await freePort()}` } : {}) }),
    { scope: "worker" },
  ],

  away: async ({ network, helpline, playwright, launchOptions, contextOptions, guard }, use) => {
    const browser = await network!.browser(playwright.chromium, launchOptions, helpline.url);
    try {
      const page = await someoneWithHeadset(async (look) => {
        const context = await browser.newContext({ ...contextOptions, baseURL: helpline.url, locale: "fr-FR", viewport: { width: 1440, height: 900 }, ...look });
        await guard.watch(context);
        return context.newPage();
      }, voices.camille);
      const camille = new PhoneDesk(page, "camille");
      await camille.logsIn("camille");
      await camille.takesCalls();
      await use(camille);
    } finally {
      await browser.close();
    }
  },
});

test.use({ wholeBrowser: true });

/** What a caller is told whose counsellor is gone for a moment. */
async function parked(page: Page): Promise<Float32Array> {
  await logsIn(page, "alix");
  await page.goto("/admin/sounds");
  return announcement(page.locator("#sound-parkedfr"));
}

test.beforeAll(needsNetwork);

test.describe("her network is cut while they talk", { tag: "@network" }, () => {
  test.slow();

  test("and comes back: the caller hears music meanwhile, then her again, who need not log in", async ({ away, network, rings, page }, info) => {
    const words = await parked(page);
    const caller = await rings();
    await away.accepts();
    await hears(caller, "camille");
    await hears(away, "caller");
    await away.page.evaluate(() => Object.assign(window, { vigieSame: true }));
    await network!.cut();
    const cut = Date.now();
    await hearsMusic(caller);
    const silent = Date.now() - cut;
    await expect(away.phone.getByRole("status")).toContainText("Plus de réseau ici. L'appel n'est pas perdu");
    await expect.poll(async () => contains(await caller.heard(6), words), { message: "she is asked to stay", timeout: 20_000 }).toBeGreaterThan(0.9);
    await network!.plugsIn();
    const back = Date.now();
    await hears(caller, "camille");
    const again = Date.now() - back;
    await hears(away, "caller");
    await away.is("talking");
    expect(await away.page.evaluate(() => "vigieSame" in window), "her page is the one that she had").toBe(true);
    console.log(JSON.stringify({ network: "cut and back", parked_ms: silent, heard_again_ms: again }));
    await info.attach("what the caller heard", { body: await caller.recording(), contentType: "audio/wav" });
    await caller.hangsUp();
    await away.is("none");
    await away.goesHome();
  });

  test("and does not come back: the caller is first in line, and the next counsellor answers her", async ({ away, desk, network, rings, page }, info) => {
    const words = await parked(page);
    const noe = await desk("noe");
    await noe.becomes("busy");
    const caller = await rings({ from: "+33639980112" });
    await away.accepts();
    await hears(caller, "camille");
    const other = await rings({ from: "+33639980113" });
    await hearsMusic(other);
    await network!.cut();
    await hearsMusic(caller);
    await expect.poll(async () => contains(await caller.heard(6), words), { message: "she is asked to stay", timeout: 20_000 }).toBeGreaterThan(0.9);
    const line = noe.page.locator("#line > li");
    await expect(line).toHaveCount(2, { timeout: 60_000 });
    await expect(line.first()).toContainText("la connexion avec son écoutant a été coupée");
    await hearsMusic(caller);
    await noe.becomes("available");
    await noe.accepts();
    await noe.is("talking");
    await hears(caller, "noe");
    await hears(noe, "caller");
    await hearsMusic(other);
    // Whoever had the call sees, when her network is back, that it is not hers any more, and says nothing into it.
    await network!.plugsIn();
    await away.hears();
    await away.is("none");
    await hears(caller, "noe");
    await info.attach("what the caller heard", { body: await caller.recording(), contentType: "audio/wav" });
    for (const telephone of [caller, other]) await telephone.hangsUp();
    await noe.is("none");
    for (const one of [away, noe]) await one.goesHome();
  });
});
