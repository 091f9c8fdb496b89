import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";

test("the program answers that it is well", async ({ request }) => {
  const answer = await request.get("/healthz");
  expect(answer.status()).toBe(200);
  expect(answer.headers()["set-cookie"]).toBeUndefined();
});

for (const { path, lang, call } of [
  { path: "/", lang: "fr", call: "3018" },
  { path: "/en", lang: "en", call: "3018" },
]) {
  test(`the home page offers first to call and to chat (${lang})`, { tag: "@everywhere" }, async ({ page, context }) => {
    expect((await page.goto(path))?.status()).toBe(200);
    await expect(page.locator("html")).toHaveAttribute("lang", lang);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page.getByRole("link", { name: new RegExp(call) }).first()).toHaveAttribute("href", `tel:${call}`);
    await expect(page.locator('main a[href$="/chat"]').first()).toBeVisible();
    await expectNoSideways(page);
    expect(await context.cookies(), "no cookie before a chat").toEqual([]);
    await picture(page, `home-${lang}`);
    await expectAccessible(page);
  });
}
