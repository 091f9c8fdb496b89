// A conversation becomes a case file: what is to do, who is in it, and who may read it.
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { contactOf, counsellorReady, logsIn, opensCase, talking } from "./staff";

test.describe("case files", { tag: "@desk" }, () => {
  test("from the form beside a conversation to a file that is followed, handed on and closed", async ({ someone }) => {
    test.setTimeout(120_000);
    const { counsellor } = await talking(someone);
    const { page } = counsellor;
    await page.locator("summary", { hasText: "Ouvrir un dossier" }).click();
    await expect(page.getByLabel("Ce contact est celui")).toHaveValue("child");
    await page.getByRole("button", { name: "Ouvrir le dossier" }).click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(/^Dossier V-\w{4}-\w{2}$/);
    const reference = (await page.getByRole("heading", { level: 1 }).innerText()).replace("Dossier ", "");
    expect(page.url()).not.toContain(reference);

    await test.step("what is to do comes first", async () => {
      await page.getByText("Ajouter une tâche", { exact: true }).click();
      await page.getByLabel("Que faut-il faire ?").fill("Rappeler Inès après le collège");
      await page.getByRole("button", { name: "Ajouter la tâche" }).click();
      await expect(page.getByRole("region", { name: "À faire" })).toContainText("Rappeler Inès après le collège");
    });
    await test.step("who is in it, as far as it is needed", async () => {
      await page.getByText("Ajouter une personne", { exact: true }).click();
      const people = page.getByRole("region", { name: "Personnes" });
      await people.getByLabel("Nom ou prénom").fill("Inès");
      await people.getByLabel("Âge").fill("12");
      await people.getByRole("button", { name: "Enregistrer la personne" }).click();
      await expect(people).toContainText("Inès");
    });
    await test.step("a note, and an empty one, which says so and loses nothing", async () => {
      const notes = page.getByRole("region", { name: "Notes" });
      await notes.getByLabel("Ajouter une note").fill("Sa sœur sait. Elle en parlera à leur mère ce soir.");
      await notes.getByRole("button", { name: "Ajouter la note" }).click();
      await expect(notes).toContainText("Sa sœur sait.");
    });
    await test.step("the danger is judged, and judged anew", async () => {
      const danger = page.getByRole("region", { name: "Danger", exact: true });
      for (const [level, remark] of [["Moyen", "elle dort mal"], ["Faible", "plus calme aujourd'hui"]] as const) {
        await danger.getByText(/^(Évaluer|Réévaluer)$/).click();
        await danger.getByRole("group", { name: "Suicide : risque" }).getByText(level, { exact: true }).click();
        await danger.getByLabel("Ce qui a changé").fill(remark);
        await danger.getByRole("button", { name: "Enregistrer l'évaluation" }).click();
        await expect(danger).toContainText(remark);
      }
      await expect(danger).toContainText("1 évaluation précédente");
    });
    await expect(page.getByRole("list", { name: "Chronologie" })).toContainText("Danger évalué");
    await expectAccessible(page);
    await expectNoSideways(page);
    await picture(page, "case");
    await page.emulateMedia({ colorScheme: "dark" });
    await page.setViewportSize({ width: 320, height: 640 });
    await expectAccessible(page);
    await expectNoSideways(page);
    await picture(page, "case-small-dark");
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 1280, height: 800 });
    const file = page.url();

    await test.step("a colleague reads whose it is and nothing of it, until she says why it cannot wait", async () => {
      const noe = await counsellorReady(someone, "noe");
      await noe.page.goto(file);
      await expect(noe.page.getByText("Camille suit ce dossier")).toBeVisible();
      await expect(noe.page.getByText("Sa sœur sait.")).toHaveCount(0);
      await expectAccessible(noe.page);
      await picture(noe.page, "case-glass");
      await noe.page.getByLabel("Pourquoi devez-vous l'ouvrir maintenant ?").fill("Inès rappelle et Camille est partie.");
      await noe.page.getByRole("button", { name: "Ouvrir quand même" }).click();
      await expect(noe.page.getByText("Sa sœur sait.")).toBeVisible();
      await noe.page.goto("/desk");
      await noe.goesHome(); // or the next story would ring at her desk
    });
    await test.step("a supervisor sees why the glass was broken", async () => {
      const dominique = await someone();
      await logsIn(dominique, "dominique");
      await dominique.goto("/desk/cases");
      await expect(dominique.getByText("Inès rappelle et Camille est partie.")).toBeVisible();
      await expectAccessible(dominique);
      await picture(dominique, "cases");
      await dominique.getByRole("button", { name: "J'ai vu" }).click();
      await expect(dominique.getByText("Inès rappelle et Camille est partie.")).toHaveCount(0);
    });
    await test.step("it is closed when nothing is left to do", async () => {
      await page.reload();
      await page.getByText("Fermer le dossier", { exact: true }).first().click();
      await page.getByLabel("Pourquoi ?").selectOption("La situation est réglée");
      await page.getByRole("button", { name: "Fermer le dossier" }).click();
      await expect(page.getByText("Il reste 1 tâche à faire")).toBeVisible();
      await page.getByRole("region", { name: "À faire" }).getByRole("button", { name: "Fait", exact: true }).click();
      await expect(page.getByText("Rien à faire pour l'instant.")).toBeVisible();
      await page.getByText("Fermer le dossier", { exact: true }).first().click();
      await page.getByLabel("Pourquoi ?").selectOption("La situation est réglée");
      await page.getByRole("button", { name: "Fermer le dossier" }).click();
      await expect(page.getByRole("button", { name: "Rouvrir le dossier" })).toBeVisible();
    });
    await test.step("and found again by its reference", async () => {
      await page.goto("/desk/cases");
      await page.getByLabel("Retrouver un dossier").fill(reference.toLowerCase());
      await page.getByRole("button", { name: "Chercher", exact: true }).click();
      await expect(page.getByRole("link", { name: reference })).toBeVisible();
      expect(page.url()).not.toContain(reference);
    });
    await page.goto("/desk");
    await counsellor.goesHome();
  });

  test("the house is unplugged under a note: it says so, the words stay, and they are written once", async ({ someone, helpline }) => {
    test.setTimeout(120_000);
    const { counsellor } = await talking(someone);
    const { page } = counsellor;
    const contact = await contactOf(counsellor.talk);
    await opensCase(counsellor);
    const notes = page.getByRole("region", { name: "Notes" });
    await notes.getByLabel("Ajouter une note").fill("Sa mère rappelle demain à 9 h.");
    await helpline.crash(async () => {
      await notes.getByRole("button", { name: "Ajouter la note" }).click();
      await expect(notes.getByRole("alert")).toHaveText(/Ce n'est pas parti/);
      await expect(notes.getByLabel("Ajouter une note")).toHaveValue("Sa mère rappelle demain à 9 h.");
      await expectAccessible(page);
      await picture(page, "case-unsent");
    });
    await notes.getByRole("button", { name: "Ajouter la note" }).click();
    await expect(notes.getByRole("listitem")).toHaveText([/Sa mère rappelle demain à 9 h\./]);
    await expect(notes.getByRole("alert")).toHaveCount(0);
    await page.goto(`/desk?c=${contact}`);
    await counsellor.goesHome();
  });

  test("two people at one file: what a colleague writes is said, and what is being written stays", async ({ someone }) => {
    test.setTimeout(120_000);
    const { counsellor } = await talking(someone);
    const { page } = counsellor;
    await opensCase(counsellor);
    const notes = page.getByRole("region", { name: "Notes" });
    await notes.getByLabel("Ajouter une note").fill("Sa mère a rappelé.");
    const changed = page.locator("#case-changed");
    await expect(changed).toBeEmpty();
    const dominique = await someone();
    await logsIn(dominique, "dominique");
    await dominique.goto(page.url());
    await dominique.getByLabel("Ajouter une note").fill("Le collège ne sait rien.");
    await dominique.getByRole("button", { name: "Ajouter la note" }).click();
    await expect(dominique.getByRole("region", { name: "Notes" })).toContainText("Le collège ne sait rien.");
    await expect(dominique.locator("#case-changed"), "her own writing is no news to her").toBeEmpty();
    await expect(changed).toContainText("Ce dossier a changé");
    await expect(notes.getByLabel("Ajouter une note")).toHaveValue("Sa mère a rappelé.");
    await expectAccessible(page);
    await picture(page, "case-changed");
    await page.emulateMedia({ colorScheme: "dark" });
    await page.setViewportSize({ width: 320, height: 640 });
    await expectAccessible(page);
    await expectNoSideways(page);
    await picture(page, "case-changed-small-dark");
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 1280, height: 800 });
    await notes.getByRole("button", { name: "Ajouter la note" }).click();
    await expect(notes.getByRole("listitem")).toHaveText([/Sa mère a rappelé\./, /Le collège ne sait rien\./]);
    await expect(changed).toBeEmpty();
    await expect(dominique.locator("#case-changed")).toContainText("Ce dossier a changé");
    await dominique.getByRole("link", { name: "Voir ce qui a changé" }).press("Enter");
    await expect(dominique.getByRole("region", { name: "Notes" })).toContainText("Sa mère a rappelé.");
    await page.goto("/desk");
    await counsellor.goesHome();
  });
});
