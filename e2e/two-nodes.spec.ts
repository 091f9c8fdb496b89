// The helpline on two machines, seen from two browsers: a child comes in at one and her counsellor at the
// other, and a machine goes away in the middle of what they say.
import { expect, test as base } from "./vigie";
import { openTwoNodes, password, postgresIsMissing, type TwoNodes } from "./nodes";
import type { Locator, Page } from "@playwright/test";

const test = base.extend<object, { helpline: TwoNodes }>({
  helpline: [
    async ({}, use) => {
      const helpline = await openTwoNodes();
      await use(helpline);
      await helpline.stop();
    },
    { scope: "worker", timeout: 60_000 },
  ],
});

// As the Go tests do where PostgreSQL's programs are missing (internal/store/storetest).
test.skip(postgresIsMissing && !process.env.VIGIE_FORBID_SKIPS, "not run without PostgreSQL's programs (apt-get install postgresql-15)");

/** The messages on a page, from top to bottom, without the quiet lines of the house. */
async function said(page: Page): Promise<string[]> {
  const texts = await page.locator(".bubble-text:visible").allInnerTexts();
  return texts.map((text) => text.trim());
}

async function writes(page: Page, text: string): Promise<void> {
  await composer(page).fill(text);
  await page.locator(".composer-send:visible").click();
  await expect(composer(page)).toHaveValue("");
}

const composer = (page: Page): Locator => page.locator("textarea[name=body]:visible");

async function bothRead(child: Page, counsellor: Page, all: string[]): Promise<void> {
  for (const page of [child, counsellor]) {
    await expect(async () => expect(await said(page)).toEqual(all)).toPass({ timeout: 30_000 });
  }
}

test("whichever machine goes away, the two go on, and nothing is lost or said twice", async ({ page: child, someone, helpline }) => {
  test.setTimeout(180_000);
  const counsellor = await someone();
  await counsellor.goto("/desk");
  await counsellor.locator("[name=login]").fill("camille");
  await counsellor.locator("[name=password]").fill(password);
  await counsellor.locator("form[action='/desk/login'] button").click();
  await expect(counsellor).toHaveURL(/\/desk$/);
  await counsellor.locator(".presence-switch > summary").click();
  await counsellor.locator(".presence-switch button[value=available]").click();

  await child.goto("/chat");
  await child.locator(".begin-go button").click();
  await counsellor.locator("[data-ring] form[action$='/accept'] button").click();
  await expect(child.locator("#talk-state")).toContainText("Tu parles avec Camille.");
  await writes(child, "Bonjour");
  await expect.poll(() => said(counsellor)).toEqual(["Bonjour"]);
  await writes(counsellor, "Bonjour, je suis là.");
  const all = ["Bonjour", "Bonjour, je suis là."];
  await bothRead(child, counsellor, all);

  for (const [node, signal] of [
    [0, "SIGKILL"],
    [1, "SIGKILL"],
    [0, "SIGTERM"],
  ] as const) {
    const [before, after] = [`Avant ${all.length}`, `Après ${all.length}`];
    await writes(child, before);
    await helpline.stopNode(node, signal);
    await writes(child, after);
    all.push(before, after);
    await bothRead(child, counsellor, all);
    await writes(counsellor, `Je te lis toujours ${all.length}`);
    all.push(`Je te lis toujours ${all.length}`);
    await bothRead(child, counsellor, all);
    await helpline.startNode(node);
  }
  await child.reload();
  await counsellor.reload();
  await bothRead(child, counsellor, all);
  expect(await helpline.doctor()).toContain("the audit chain holds");
});
