// A conversation longer than what a page brings at first: its first message is reached from both sides, by
// keyboard and by thumb, and whoever reads stays where she is.
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { Child, Counsellor, inConversation, phone } from "./people";
import type { Locator, Page } from "@playwright/test";

test.use({ wholeBrowser: true });

/** Sends so many more messages as her page does, several at a time. */
async function talksOn(child: Page, n: number): Promise<void> {
  const numbers = Array.from({ length: n }, (_, i) => i + 1);
  for (let at = 0; at < n; at += 15) {
    await Promise.all(
      numbers.slice(at, at + 15).map(async (i) => {
        const sent = await child.request.post("/chat/messages", { form: { message_id: crypto.randomUUID(), body: `et puis ${i}` }, headers: { "Vigie-Script": "1" } });
        expect(sent.status(), "a message is taken").toBe(200);
      }),
    );
  }
}

const way = (log: Locator): Locator => log.getByRole("link", { name: "Messages plus anciens" });
const top = (bubble: Locator): Promise<number> => bubble.evaluate((b) => Math.round(b.getBoundingClientRect().top));

/** Follows the way up once by keyboard: more comes above, and the first message that was there stays where it was. */
async function looksUp(log: Locator): Promise<void> {
  const there = await log.locator(".bubble").count();
  const first = log.locator(`#${await log.locator(".bubble").first().getAttribute("id")}`);
  await way(log).focus();
  const before = await top(first);
  await way(log).press("Enter");
  await expect.poll(() => log.locator(".bubble").count(), "more messages").toBeGreaterThan(there);
  expect(Math.abs((await top(first)) - before), "pixels that what she reads has moved").toBeLessThanOrEqual(1);
  await expect(log.locator("[id^=earlier-go-]"), "the focus stays on the way up").toBeFocused();
}

test("both sides reach the first of two hundred messages", { tag: "@phone" }, async ({ page, someone }) => {
  test.setTimeout(240_000);
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());
  await inConversation(child, counsellor);
  await talksOn(page, 215);

  for (const { on, log, times } of [
    { on: page, log: child.log, times: 1 },
    { on: counsellor.page, log: counsellor.talk.locator(".chat-log-list"), times: 2 },
  ]) {
    await on.reload();
    await expect(log.locator(".bubble").last()).toBeInViewport();
    await expect(log.getByText("Bonjour", { exact: true })).toHaveCount(0);
    for (let n = 0; n < times; n++) await looksUp(log);
    await expect(log.getByText("Rien de plus ancien à montrer.")).toHaveCount(1);
    await expect(log.locator(".day"), "a day is named once").toHaveCount(1);
    await log.getByText("Bonjour", { exact: true }).scrollIntoViewIfNeeded();
    await picture(on, on === page ? "earlier-child" : "earlier-desk");
    await expectAccessible(on, ".earlier");
    await expectNoSideways(on);
    expect(await on.evaluate(() => document.documentElement.scrollHeight - innerHeight), "the log scrolls, not the page").toBeLessThanOrEqual(0);
    await expect(log.locator("xpath=ancestor::chat-log").locator("[data-log-new]"), "nothing new has come").toBeHidden();
    const numbers = await log.locator(".bubble").evaluateAll((all) => all.map((b) => Number(b.getAttribute("data-seq"))));
    expect(numbers, "in their order, each once").toEqual(numbers.map((_, i) => i + 1));
  }

  await counsellor.writes("Je suis toujours là.");
  await expect(page.getByRole("button", { name: "Nouveau message" }), "what is new is still said").toBeVisible();

  const plain = await someone({ ...phone, javaScriptEnabled: false });
  await plain.context().addCookies(await page.context().cookies());
  await plain.goto("/chat");
  await way(plain.locator("main")).click();
  await expect(plain.locator("main").getByText("Bonjour", { exact: true })).toBeVisible();
  await picture(plain, "earlier-plain");
  await expectAccessible(plain);
  await plain.getByRole("link", { name: "Retour à la conversation" }).first().click();
  await expect(plain.getByText("Je suis toujours là.")).toBeVisible();
  await counsellor.goesHome();
});
