// What becomes of notices, and what is printed: for supervisors the figures and the yearly report, for the file its paper.
import { readFile } from "node:fs/promises";
import type { Locator, Page } from "@playwright/test";
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { contactOf, logsIn, opensCase, talking } from "./staff";

/** Presses what hands out a file, and returns its first bytes and its name. */
async function handsOut(page: Page, press: Locator): Promise<{ name: string; begins: string }> {
  const coming = page.waitForEvent("download");
  await press.click();
  const file = await coming;
  return { name: file.suggestedFilename(), begins: (await readFile(await file.path())).toString("latin1").slice(0, 5) };
}

test.describe("figures and paper", { tag: "@desk" }, () => {
  test("a file is printed, the offences too, and a supervisor reads how platforms act", async ({ someone }) => {
    test.setTimeout(150_000);
    const { counsellor } = await talking(someone);
    const { page } = counsellor;
    const contact = await contactOf(counsellor.talk);
    await opensCase(counsellor);
    const file = page.url();

    await test.step("the child's room of the file on paper", async () => {
      await page.locator("summary", { hasText: "Imprimer" }).click();
      await expectAccessible(page);
      const printed = await handsOut(page, page.getByRole("button", { name: "Imprimer (PDF)" }));
      expect(printed.begins).toBe("%PDF-");
      expect(printed.name).toMatch(/^dossier-V-.*-child\.pdf$/);
      await page.goto(file);
      await expect(page.getByRole("list", { name: "Chronologie" })).toContainText("Dossier imprimé");
    });
    await test.step("a notice that is sent", async () => {
      const section = page.getByRole("region", { name: "Faire retirer un contenu" });
      await section.getByText("Préparer une notification", { exact: true }).click();
      await section.getByLabel("Le lien, ou plusieurs").fill("https://www.instagram.com/p/Cfig789/");
      await section.getByLabel("Motif").selectOption({ label: "Harcèlement en ligne" });
      await section.getByLabel("Ce qu'on y voit").fill("Une photo d'une personne mineure, avec des insultes.");
      await section.getByRole("button", { name: "Préparer", exact: true }).click();
      await page.getByRole("button", { name: "L'enfant a dit oui" }).click();
      await page.getByRole("button", { name: "Donner le feu vert" }).click();
      await page.getByRole("button", { name: "C'est envoyé" }).click();
      await expect(page.getByText("Envoyée", { exact: true }).first()).toBeVisible();
    });
    await test.step("the figures and the yearly report", async () => {
      const dominique = await someone();
      await logsIn(dominique, "dominique");
      await dominique.goto("/desk/takedown");
      await expect(dominique.getByRole("region", { name: "Où en sont les notifications" })).toContainText("Instagram");
      await expectAccessible(dominique);
      await picture(dominique, "takedown-desk");
      await dominique.getByRole("link", { name: "Délais et décisions des réseaux" }).click();
      await expect(dominique.getByRole("region", { name: "Les réseaux" })).toContainText("Instagram");
      for (const shot of ["figures", "report"]) {
        if (shot === "report") {
          await dominique.getByRole("link", { name: "Rapport annuel" }).click();
          await dominique.getByLabel("Année").selectOption({ index: 0 });
          await dominique.getByRole("button", { name: "Afficher" }).click();
          await expect(dominique.getByText("« moins de 5 »")).toBeVisible();
        }
        await expectAccessible(dominique);
        await picture(dominique, shot);
        await dominique.emulateMedia({ colorScheme: "dark" });
        await dominique.setViewportSize({ width: 320, height: 640 });
        await expectAccessible(dominique);
        await expectNoSideways(dominique);
        await picture(dominique, `${shot}-small-dark`);
        await dominique.emulateMedia({ colorScheme: "light" });
        await dominique.setViewportSize({ width: 1440, height: 900 });
      }
      expect((await handsOut(dominique, dominique.getByRole("link", { name: "Rapport en PDF" }))).begins).toBe("%PDF-");
      expect((await handsOut(dominique, dominique.getByRole("link", { name: "Rapport en CSV" }))).name).toMatch(/^rapport-signaleur-\d{4}\.csv$/);
    });
    await page.goto(`/desk?c=${contact}`);
    await counsellor.goesHome();
  });
});
