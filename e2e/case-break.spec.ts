// The house is unplugged while somebody works at a case: what she wrote stays, she is told, and pressed again it is there once.
import { expect, expectAccessible, picture, test } from "./vigie";
import { contactOf, opensCase, talking } from "./staff";

const unsent = /Ce n'est pas parti/;

test("a link, a notice and a referral survive a house that is gone for a moment", { tag: "@desk" }, async ({ someone, helpline }) => {
  test.setTimeout(180_000);
  const { counsellor } = await talking(someone);
  const { page } = counsellor;
  const contact = await contactOf(counsellor.talk);
  await opensCase(counsellor);
  const file = page.url();

  const evidence = page.getByRole("region", { name: "Preuves" });
  await test.step("an address that is to be kept", async () => {
    await evidence.getByText("Garder un lien", { exact: true }).click();
    await evidence.getByLabel("Adresse", { exact: true }).first().fill("https://reseau.example/p/77");
    await helpline.crash(async () => {
      await evidence.getByRole("button", { name: "Garder", exact: true }).first().click();
      await expect(evidence.getByRole("alert").filter({ hasText: unsent })).toBeVisible();
      await expect(evidence.getByLabel("Adresse", { exact: true }).first()).toHaveValue("https://reseau.example/p/77");
    });
    await evidence.getByRole("button", { name: "Garder", exact: true }).first().click();
    await expect(evidence.getByText("https://reseau.example/p/77")).toHaveCount(1);
  });

  await test.step("a notice, from its draft to the child's yes", async () => {
    const section = page.getByRole("region", { name: "Faire retirer un contenu" });
    await section.getByText("Préparer une notification", { exact: true }).click();
    await section.getByLabel("Le lien, ou plusieurs").fill("https://reseau.example/p/77");
    await section.getByLabel("Motif").selectOption({ label: "Harcèlement en ligne" });
    await section.getByLabel("Ce qu'on y voit").fill("Des insultes envers une personne mineure.");
    await helpline.crash(async () => {
      await section.getByRole("button", { name: "Préparer", exact: true }).click();
      await expect(section.getByRole("alert").filter({ hasText: unsent })).toBeVisible();
      await expect(section.getByLabel("Ce qu'on y voit")).toHaveValue("Des insultes envers une personne mineure.");
      await expectAccessible(page);
      await picture(page, "notice-unsent");
    });
    await section.getByRole("button", { name: "Préparer", exact: true }).click();
    await expect(page).toHaveURL(/\/notices\//);
    await helpline.crash(async () => {
      await page.getByRole("button", { name: "L'enfant a dit oui" }).click();
      await expect(page.getByRole("alert").filter({ hasText: unsent })).toBeVisible();
    });
    await page.getByRole("button", { name: "L'enfant a dit oui" }).click();
    await expect(page.getByRole("button", { name: "Donner le feu vert" })).toBeVisible();
    await page.goto(file);
    await expect(page.getByRole("region", { name: "Faire retirer un contenu" }).locator("a[href*='/notices/']")).toHaveCount(1);
  });

  await test.step("a referral, whose paper is long", async () => {
    const referrals = page.getByRole("region", { name: "Transmissions" });
    await referrals.getByText("Préparer une transmission", { exact: true }).click();
    await referrals.getByLabel("À qui").selectOption("119, Allô enfance en danger");
    await referrals.getByRole("button", { name: "Préparer", exact: true }).click();
    const told = page.getByLabel("Ce que l'enfant a dit, ce qui est observé");
    await told.fill("« Il me frappe. » Elle a peur de rentrer.");
    await helpline.crash(async () => {
      await page.getByRole("button", { name: "Enregistrer", exact: true }).click();
      await expect(page.getByRole("alert").filter({ hasText: unsent })).toBeVisible();
      await expect(told).toHaveValue("« Il me frappe. » Elle a peur de rentrer.");
      await picture(page, "referral-unsent");
    });
    await Promise.all([page.waitForEvent("load"), page.getByRole("button", { name: "Enregistrer", exact: true }).click()]);
    await expect(page.getByRole("alert").filter({ hasText: unsent })).toHaveCount(0);
    await page.reload();
    await expect(told).toHaveValue("« Il me frappe. » Elle a peur de rentrer.");
  });
  await page.goto(`/desk?c=${contact}`);
  await counsellor.goesHome();
});
