// The takedown desk: what waits, in the order in which it is to be done, and whose turn it is.
import type { Page } from "@playwright/test";
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { contactOf, logsIn, opensCase, talking } from "./staff";

/** Prepares a notice in the file that is open, and goes to it. */
async function prepares(page: Page, link: string, ground: string): Promise<void> {
  const section = page.getByRole("region", { name: "Faire retirer un contenu" });
  await section.getByText("Préparer une notification", { exact: true }).click();
  await section.getByLabel("Le lien, ou plusieurs").fill(link);
  await section.getByLabel("Motif").selectOption({ label: ground });
  await section.getByLabel("Ce qu'on y voit").fill("Une photo d'une personne mineure, avec des insultes.");
  await section.getByRole("button", { name: "Préparer", exact: true }).click();
  await expect(page).toHaveURL(/\/notices\//);
}

/** Has the child say yes to the notice that is open, and approves it. */
async function approves(page: Page): Promise<void> {
  await page.getByRole("button", { name: "L'enfant a dit oui" }).click();
  await page.getByRole("button", { name: "Donner le feu vert" }).click();
  await expect(page.getByRole("button", { name: "C'est envoyé" })).toBeVisible();
}

test("the desk says what is to be done, by whom, and what waits for others", { tag: "@desk" }, async ({ someone }) => {
  test.setTimeout(150_000);
  const { counsellor } = await talking(someone);
  const { page } = counsellor;
  const contact = await contactOf(counsellor.talk);
  await opensCase(counsellor);
  const file = page.url();
  await test.step("four notices, each waiting for something else", async () => {
    await prepares(page, "https://www.instagram.com/p/Cdraft1/", "Harcèlement en ligne");
    await page.goto(file);
    await prepares(page, "https://www.tiktok.com/@made.up/video/7111111111111111111", "Harcèlement en ligne");
    await approves(page);
    await page.goto(file);
    await prepares(page, "https://www.instagram.com/p/Csent3/", "Harcèlement en ligne");
    await approves(page);
    await page.getByRole("button", { name: "C'est envoyé" }).click();
    await expect(page.getByText("Envoyée", { exact: true }).first()).toBeVisible();
    await page.goto(file);
    await prepares(page, "https://www.snapchat.com/add/made-up", "Image sexuelle d'un mineur");
    await page.getByRole("button", { name: "L'enfant a dit oui" }).click();
    await expect(page.getByRole("button", { name: "L'enfant a dit oui" })).toHaveCount(0);
    await page.getByRole("button", { name: "Ce n'est pas nécessaire ici" }).click();
    await expect(page.getByText("un collègue relit")).toBeVisible();
  });
  const second = page.getByRole("region", { name: "À relire par une deuxième personne" });
  await test.step("her desk: what she may not do is said", async () => {
    await page.goto("/desk/takedown?who=mine");
    await expect(second).toContainText("quelqu'un d'autre la relit");
    await expect(page.getByRole("region", { name: "Prêtes à envoyer" })).toContainText("TikTok");
    await expect(page.getByRole("region", { name: "Brouillons à finir" })).toContainText("Il manque : L'accord de l'enfant");
    await expect(page.getByText(/Rien en ce moment.*À relancer/)).toBeVisible();
    await page.locator("summary", { hasText: "Chez le réseau" }).click();
    await expect(page.locator("#group-theirs")).toContainText("Accusé de réception attendu avant");
    await expectAccessible(page);
    await expectNoSideways(page);
    await picture(page, "signalements");
    await page.emulateMedia({ colorScheme: "dark" });
    await expectAccessible(page);
    await picture(page, "signalements-dark");
    await page.setViewportSize({ width: 320, height: 640 });
    await expectAccessible(page);
    await expectNoSideways(page);
    await picture(page, "signalements-small-dark");
    await page.emulateMedia({ colorScheme: "light" });
    await picture(page, "signalements-small");
    await page.setViewportSize({ width: 1440, height: 900 });
  });
  await test.step("by platform, and one group alone", async () => {
    await page.getByLabel("Réseau", { exact: true }).selectOption({ label: "TikTok" });
    await page.getByRole("button", { name: "Filtrer" }).click();
    await expect(page.getByRole("region", { name: "Prêtes à envoyer" })).toBeVisible();
    await expect(second).toHaveCount(0);
    await page.goto("/desk/takedown?group=draft&who=mine");
    await expect(page.getByRole("region", { name: "Brouillons à finir" })).toContainText("Instagram");
    await page.getByRole("link", { name: "Revenir à tout ce qui attend" }).click();
    await expect(second).toBeVisible();
  });
  await test.step("a supervisor may be the second reader", async () => {
    const dominique = await someone();
    await logsIn(dominique, "dominique");
    await dominique.goto("/desk/takedown");
    const hers = dominique.getByRole("region", { name: "À relire par une deuxième personne" });
    await expect(hers).toContainText("Vous pouvez la relire");
    await hers.getByRole("link").first().click();
    await dominique.getByRole("button", { name: "Donner le feu vert" }).click();
    await expect(dominique.getByRole("button", { name: "C'est envoyé" })).toBeVisible();
    await dominique.goto("/desk/takedown");
    await expect(dominique.getByRole("region", { name: "Prêtes à envoyer" })).toContainText("Snapchat");
  });
  await page.goto(`/desk?c=${contact}`);
  await counsellor.goesHome();
});
