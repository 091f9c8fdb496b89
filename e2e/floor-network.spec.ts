// A supervisor's network is cut while she looks at the floor, and while she reads along: what came and went meanwhile is there when it is back.
import { test as base, expect } from "./vigie";
import { aNetwork, needsNetwork, type WithNetwork } from "./network";
import { childWaits, contactOf, counsellorReady, logsIn } from "./staff";
import type { Page } from "@playwright/test";

interface OfNetwork {
  /** A page at a computer that has a network of its own. */
  away: Page;
}

const test = base.extend<OfNetwork, WithNetwork>({
  network: aNetwork,
  away: async ({ network, helpline, playwright, launchOptions, contextOptions, guard }, use) => {
    const browser = await network!.browser(playwright.chromium, launchOptions, helpline.url);
    try {
      const context = await browser.newContext({ ...contextOptions, baseURL: helpline.url, locale: "fr-FR", viewport: { width: 1440, height: 900 } });
      await guard.watch(context);
      await use(await context.newPage());
    } finally {
      await browser.close();
    }
  },
});

test.beforeAll(needsNetwork);

test.describe("a supervisor's network is cut", { tag: "@network" }, () => {
  test.slow();

  test("while she looks at the floor: it says so, and is right again when it is back", async ({ away, network, someone }) => {
    const camille = await counsellorReady(someone, "camille");
    const first = await childWaits(someone);
    await expect(camille.ring).toHaveCount(1);
    await logsIn(away, "dominique");
    await away.goto("/desk/floor");
    await away.evaluate(() => Object.assign(window, { vigieSame: true }));
    const [line, talks] = [away.locator("#floor-line-rows > li"), away.locator("#floor-under-way-rows > li")];
    const status = away.locator("[data-live-status]");
    await expect(line).toHaveCount(1);
    await expect(talks).toHaveCount(0);
    const was = (await line.getAttribute("id"))!;

    await network!.cut();
    await expect(status).toContainText("Connexion perdue", { timeout: 45_000 });
    await camille.accepts();
    await camille.becomes("busy");
    const second = await childWaits(someone);
    const third = await childWaits(someone);
    await second.saysGoodbye();
    await third.writes("il y a quelqu'un ?");
    await expect(third.bubble("il y a quelqu'un ?")).toBeVisible();
    await expect(line, "nothing comes to her meanwhile").toHaveAttribute("id", was);
    await expect(talks).toHaveCount(0);

    await network!.plugsIn();
    await expect(talks).toHaveCount(1, { timeout: 45_000 });
    await expect(talks).toContainText("Camille");
    await expect(line).toHaveCount(1);
    await expect(line, "who waits is another one").not.toHaveAttribute("id", was);
    await expect(away.locator("#floor-line-count")).toHaveText("1");
    await expect(away.locator("#floor-under-way-count")).toHaveText("1");
    await expect(status).toContainText("Connexion rétablie");
    expect(await away.evaluate(() => "vigieSame" in window), "her page is the one that she had").toBe(true);
    await first.isWith("Camille");
  });

  test("while she reads along: each message is there once and in order, and the counsellor is not told of a second listening", async ({ away, network, someone }) => {
    const camille = await counsellorReady(someone, "camille");
    const child = await childWaits(someone);
    await camille.accepts();
    const id = await contactOf(camille.talk);
    await child.writes("un");
    await logsIn(away, "dominique");
    await away.goto(`/desk/listen/${id}`);
    await away.getByRole("button", { name: "Suivre la conversation" }).click();
    const read = away.locator("#listen-log .bubble-text");
    await expect(read).toHaveText(["un"]);

    await network!.cut();
    await child.writes("deux");
    await camille.writes("trois");
    await child.reads(["un", "deux", "trois"]);
    await child.writes("quatre");
    await expect(camille.talk).toContainText("quatre");
    await expect(away.locator("[data-live-status]")).toContainText("Connexion perdue", { timeout: 45_000 });
    await expect(read).toHaveText(["un"]);

    await network!.plugsIn();
    await expect(read).toHaveText(["un", "deux", "trois", "quatre"], { timeout: 45_000 });
    await expect(camille.talk.locator(".listened")).toHaveCount(1);
    await child.writes("cinq");
    await expect(read).toHaveText(["un", "deux", "trois", "quatre", "cinq"]);
  });
});
