import { expect, test } from "./stage";

const exit = `<quick-exit data-left="Encore # fois" data-left-one="Encore 1 fois"><a href="/quit" data-exit>Quitter vite</a>
  <span class="quick-exit-dots" hidden><i></i><i></i><i></i></span><span role="status" data-exit-status></span></quick-exit>
  <p>des mots</p><input>`;

test("one tap goes to the first hop and leaves no page to come back to", async ({ page, stage }) => {
  await stage.show(page, "site.js", exit);
  const before = await page.evaluate(() => history.length);
  await page.getByText("Quitter vite").click();
  await expect(page).toHaveURL(`${stage.url}/quit`);
  expect(await page.evaluate(() => history.length)).toBe(before);
});

test("the page is covered and its title gone before the network says anything", async ({ page, stage }) => {
  await stage.show(page, "site.js", exit);
  const left = await page.evaluate(() => {
    document.querySelector<HTMLElement>("[data-exit]")?.click();
    return { words: getComputedStyle(document.querySelector("p")!).display, covers: document.querySelectorAll(".quick-exit-cover").length, title: document.title.trim() };
  });
  expect(left).toEqual({ words: "none", covers: 1, title: "" });
});

test("Shift three times leaves; the presses are counted in dots and words", async ({ page, stage }) => {
  await stage.show(page, "site.js", exit);
  await page.keyboard.press("Shift");
  await expect(page.getByRole("status")).toHaveText("Encore 2 fois");
  await page.keyboard.press("Shift");
  await expect(page.getByRole("status")).toHaveText("Encore 1 fois");
  await expect(page.locator(".quick-exit-dots .on")).toHaveCount(2);
  await page.keyboard.press("Shift");
  await expect(page).toHaveURL(`${stage.url}/quit`);
});

test("capitals are not an exit", async ({ page, stage }) => {
  await stage.show(page, "site.js", exit);
  await page.locator("input").focus();
  for (let i = 0; i < 4; i++) await page.keyboard.press("Shift+A");
  await expect(page.locator("input")).toHaveValue("AAAA");
  await expect(page).toHaveURL(`${stage.url}/`);
});

test("presses too far apart are not an exit", async ({ page, stage }) => {
  await page.clock.install();
  await stage.show(page, "site.js", exit);
  await page.keyboard.press("Shift");
  await page.keyboard.press("Shift");
  await page.clock.runFor(5100);
  await page.keyboard.press("Shift");
  await expect(page.getByRole("status")).toHaveText("Encore 2 fois");
  await expect(page).toHaveURL(`${stage.url}/`);
});
