// The wallboard: a supervisor makes a code, the screen on the wall takes it, shows how the line stands without a name, says when it is without
// news, does not grow, and is taken away.
import type { Page } from "@playwright/test";
import { expect, expectAccessible, picture, test } from "./vigie";
import { Child } from "./people";
import { logsIn } from "./staff";

test.use({ past: true });

/** A screen of so many lines, in the light of its room. */
async function shows(wall: Page, name: string, width: number, height: number, theme: "light" | "dark"): Promise<void> {
  await wall.setViewportSize({ width, height });
  await wall.goto(`/wall?theme=${theme}`);
  await expect(wall.locator("#wall-board")).toBeVisible();
  await picture(wall, name);
  const high = await wall.evaluate(() => document.documentElement.scrollHeight);
  expect(high, "all of it is on the screen").toBeLessThanOrEqual(height);
}

test("a screen on the wall shows the line and holds nobody's session", { tag: "@desk" }, async ({ page, someone }) => {
  test.setTimeout(180_000);
  await logsIn(page, "dominique");
  await page.goto("/desk/wall");
  await page.getByLabel("Où est cet écran").fill("Salle d'écoute");
  await page.getByRole("button", { name: "Faire un code" }).click();
  const code = (await page.locator(".wall-code").innerText()).trim();
  expect(code).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
  await expectAccessible(page);
  await picture(page, "wall-screens");

  const wall = await someone();
  await wall.goto("/wall");
  await expectAccessible(wall);
  await picture(wall, "wall-code");
  await wall.getByLabel("Code").fill(code.toLowerCase());
  await wall.getByRole("button", { name: "Allumer" }).click();
  await expect(wall.getByRole("heading", { name: "Attendent" })).toBeVisible();
  await expectAccessible(wall);

  const child = new Child(await someone());
  await child.opensChat();
  await expect(wall.locator(".wall-huge")).toHaveText("1");
  expect((await wall.context().cookies()).map((c) => c.name)).toEqual(["__Host-vigie-wall"]);
  expect((await wall.request.get("/desk/stats", { maxRedirects: 0 })).status()).toBe(303);
  await expect(wall.locator("body")).not.toContainText(/Dominique|Camille|Morgane/);

  await shows(wall, "wall-1080-dark", 1920, 1080, "dark");
  await shows(wall, "wall-1080-light", 1920, 1080, "light");
  await shows(wall, "wall-4k-dark", 3840, 2160, "dark");
  await wall.setViewportSize({ width: 1920, height: 1080 });

  await test.step("a week of news does not make it grow", async () => {
    const nodes = await wall.evaluate(() => document.querySelectorAll("*").length);
    const chromium = await wall.context().newCDPSession(wall);
    const counted = async (): Promise<{ nodes: number; listeners: number }> => {
      await chromium.send("HeapProfiler.collectGarbage");
      const { nodes: all, jsEventListeners } = await chromium.send("Memory.getDOMCounters");
      return { nodes: all, listeners: jsEventListeners };
    };
    const push = (times: number) =>
      wall.evaluate((times) => {
        for (let i = 0; i < times; i++) {
          const old = document.getElementById("wall-board")!;
          old.replaceWith(old.cloneNode(true));
          document.dispatchEvent(new CustomEvent("vigie:update", { detail: [] }));
        }
      }, times);
    await push(200);
    const before = await counted();
    await push(4000);
    const after = await counted();
    expect(after.nodes - before.nodes).toBeLessThan(200);
    expect(after.listeners - before.listeners).toBeLessThan(10);
    expect(await wall.evaluate(() => document.querySelectorAll("*").length)).toBeLessThan(nodes + 50);
  });

  await test.step("without news it says so, and comes back", async () => {
    await wall.clock.install();
    await wall.goto("/wall?theme=dark");
    await wall.context().setOffline(true);
    await wall.clock.fastForward(60_000);
    await expect(wall.getByText(/Sans nouvelles depuis \d\d:\d\d/)).toBeVisible();
    await picture(wall, "wall-stale");
    await wall.context().setOffline(false);
    await wall.clock.fastForward(31_000);
    await wall.clock.resume();
    await expect(wall.getByText(/Sans nouvelles/)).toBeHidden({ timeout: 30_000 });
  });

  await test.step("it is taken away", async () => {
    await page.goto("/desk/wall");
    await page.getByRole("button", { name: "Retirer « Salle d'écoute »" }).click();
    await expect(page.getByText("Aucun écran de mur.")).toBeVisible();
    await expect(wall.getByText("Cet écran n'est pas encore un mur.", { exact: false })).toBeVisible({ timeout: 60_000 });
  });
});
