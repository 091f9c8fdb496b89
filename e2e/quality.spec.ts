// The quality grid: filled after reading a conversation, shared, answered, talked over; nobody is ranked.
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { contactOf, logsIn, talking } from "./staff";

test("a grid is filled, shared with its counsellor, answered, and talked over", { tag: "@desk" }, async ({ page, someone }) => {
  test.slow();
  const { child, counsellor } = await talking(someone);
  const id = await contactOf(counsellor.talk);
  await child.saysGoodbye();
  await counsellor.goesHome();

  await logsIn(page, "dominique");
  await page.goto(`/desk/history/${id}`);
  await page.getByRole("button", { name: "Remplir une grille de qualité" }).click();
  await expect(page).toHaveURL(/\/desk\/quality\//);
  const grid = page.url();
  await page.locator("input[name=mark_opening][value='3']").check({ force: true });
  await page.getByLabel("Ce qui a porté").fill("Le silence était tenu.");
  await picture(page, "quality-draft");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Garder le brouillon" }).click();
  await expect(page.getByLabel("Ce qui a porté")).toHaveValue("Le silence était tenu.");
  expect((await counsellor.page.goto(grid))?.status(), "a draft is nobody else's").toBe(404);
  await page.getByRole("button", { name: "Partager avec Camille" }).click();
  await expect(page.getByText("Partagée")).toBeVisible();

  await counsellor.page.goto("/desk/quality");
  await counsellor.page.getByRole("link", { name: /par Dominique/ }).click();
  await expect(counsellor.page.getByText("3 sur 4")).toBeVisible();
  await counsellor.page.getByLabel("Votre réponse").fill("Merci. J'ai eu peur de la brusquer.");
  await picture(counsellor.page, "quality-shared");
  await expectAccessible(counsellor.page);
  await counsellor.page.getByRole("button", { name: "Envoyer la réponse" }).click();
  await page.reload();
  await expect(page.getByText("J'ai eu peur de la brusquer.")).toBeVisible();
  await page.getByRole("button", { name: "Nous en avons parlé" }).click();
  await expect(page.getByText("Discutée")).toBeVisible();
  await page.goto("/desk/quality");
  await expect(page.getByRole("heading", { name: "Camille" })).toBeVisible();
  await expect(page.locator("main")).toContainText("quand au moins 5 personnes");
  await picture(page, "quality-list");
  await expectAccessible(page);
  const noe = await someone();
  await logsIn(noe, "noe");
  expect((await noe.goto(grid))?.status(), "nor a colleague's").toBe(404);
});

test("grids on a phone", { tag: ["@small", "@dark"] }, async ({ page }) => {
  await logsIn(page, "dominique");
  await page.goto("/desk/quality");
  await expectNoSideways(page);
  await expectAccessible(page);
});
