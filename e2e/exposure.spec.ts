// What somebody bears: her own page, the offer of a pause or of an hour without images, and surges.
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { Counsellor } from "./people";
import { childWaits, logsIn } from "./staff";

test("her minutes are on a page of her own, and an hour without images is hers to ask for", { tag: "@desk" }, async ({ page }) => {
  const desk = new Counsellor(page);
  await desk.logsIn("camille");
  await page.goto("/desk/mine");
  await expect(page.getByRole("heading", { name: "Ce que je porte" })).toBeVisible();
  await picture(page, "exposure-mine");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Une heure sans images" }).click();
  await expect(page.getByRole("button", { name: /Reprendre comme avant/ })).toBeVisible();
  await page.goto("/desk");
  await expect(page.locator("#team-eased")).toContainText("vont d'abord à d'autres");
  await picture(page, "exposure-eased");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Reprendre comme avant" }).click();
  await expect(page.locator("#team-eased")).toHaveCount(0);
});

test("a surge is one switch: the child reads a kind word and what may help, and it ends in one press", { tag: "@desk" }, async ({ page, someone }) => {
  await logsIn(page, "dominique");
  await page.goto("/desk/floor");
  await page.getByLabel("Conversations en plus").selectOption("1");
  await page.locator("form[action='/desk/floor/surge'] button", { hasText: "Appliquer" }).click();
  await page.reload();
  await expect(page.locator("#floor-surge")).toContainText("par Dominique");
  await picture(page, "surge-floor");
  await expectAccessible(page);
  const child = await childWaits(someone, "On me menace avec une photo ou une vidéo de moi");
  await expect(child.page.locator(".waiting")).toContainText("Il y a beaucoup de monde en ce moment. On ne t'oublie pas.");
  await expect(child.page.locator(".waiting-guides a").first()).toBeVisible();
  await picture(child.page, "surge-waiting");
  await expectAccessible(child.page);
  await page.getByRole("button", { name: "Fin de l'affluence" }).click();
  await expect(page.locator("#floor-surge")).not.toContainText("par Dominique");
  await page.locator("#surge-log > summary").click();
  await expect(page.locator("#surge-log")).toContainText("fin par Dominique");
  await child.saysGoodbye();
});

test("her minutes on a phone, and at night", { tag: ["@small", "@dark"] }, async ({ page }) => {
  await logsIn(page, "camille");
  await page.goto("/desk/mine");
  await picture(page, "exposure-mine");
  await expectNoSideways(page);
  await expectAccessible(page);
});
