// Three months later a closed case is archived: who had it reads it no more, a supervisor says what for, and its person takes it
// out again with her four words, for whoever answers.
import { expect, expectAccessible, looksRight, picture, test as base } from "./vigie";
import { Child, phone } from "./people";
import { counsellorReady, logsIn, opensCase, talking } from "./staff";

/** A helpline of its own: its clock goes ahead, and no other journey is to begin three months later. */
const test = base.extend<{}, { settings: Record<string, string> }>({ settings: [async ({}, use) => use({}), { scope: "worker" }] });

test("a closed case goes into the archive, is looked into for a reason, and comes out for its person", { tag: "@desk" }, async ({ someone, helpline }) => {
  test.setTimeout(240_000);
  const { child, counsellor } = await talking(someone);
  const { page } = counsellor;
  const words = (await child.asksForWords()).join(" ");
  await opensCase(counsellor);
  const file = page.url();
  const reference = (await page.getByRole("heading", { level: 1 }).innerText()).replace("Dossier ", "");
  await page.getByLabel("Ajouter une note").fill("Sa sœur sait, leur mère aussi.");
  await page.getByRole("button", { name: "Ajouter la note" }).click();
  await expect(page.getByRole("region", { name: "Notes" })).toContainText("Sa sœur sait");
  await page.goto("/desk");
  await counsellor.goesHome();
  await page.goto(file);
  await page.getByText("Fermer le dossier", { exact: true }).first().click();
  await page.getByLabel("Pourquoi ?").selectOption("La situation est réglée");
  await page.getByRole("button", { name: "Fermer le dossier" }).click();
  await expect(page.getByRole("button", { name: "Rouvrir le dossier" })).toBeVisible();

  await test.step("three months later who had it is told whom to ask, and reads nothing of it", async () => {
    await helpline.later(91);
    await logsIn(page, "camille");
    await expect(async () => {
      await page.goto(file);
      await expect(page.getByText("Ce dossier est archivé")).toBeVisible({ timeout: 1_000 });
    }).toPass({ timeout: 20_000 });
    await expect(page.getByText("Demandez à un responsable.")).toBeVisible();
    await expect(page.getByText("Sa sœur sait")).toHaveCount(0);
    await looksRight(page, "archive-ask");
    await page.goto("/desk/cases");
    await page.getByLabel("Retrouver un dossier").fill(reference);
    await page.getByRole("button", { name: "Chercher", exact: true }).click();
    await expect(page.getByText("C'est un dossier archivé.")).toBeVisible();
  });

  const supervisor = await someone();
  await test.step("a supervisor says what for, and it stands in the file that she looked", async () => {
    await logsIn(supervisor, "dominique");
    await supervisor.goto(file);
    await looksRight(supervisor, "archive-purpose");
    await supervisor.getByRole("button", { name: "Lire ce dossier" }).click();
    await expect(supervisor.getByText("Choisissez pour quoi vous ouvrez ce dossier.")).toBeVisible();
    await supervisor.getByLabel("Pour quoi ?").selectOption("Une réquisition");
    await supervisor.getByRole("button", { name: "Lire ce dossier" }).click();
    await expect(supervisor.getByText("Sa sœur sait, leur mère aussi.")).toBeVisible();
    await expect(supervisor.getByRole("list", { name: "Chronologie" })).toContainText("Une réquisition");
    await expect(supervisor.getByLabel("Ajouter une note"), "nothing is written into an archived file").toHaveCount(0);
    await looksRight(supervisor, "archive-read");
  });

  await test.step("her four words take it out again for whoever answers her", async () => {
    const noe = await counsellorReady(someone, "noe");
    const back = new Child(await someone(phone));
    await back.comesBackWith(words);
    await noe.accepts();
    await back.isWith("Noé");
    await noe.page.goto(file);
    await expect(noe.page.getByText("Sa sœur sait, leur mère aussi.")).toBeVisible();
    await expect(noe.page.locator(".case-head")).toContainText("Ouvert");
    await supervisor.goto("/desk/cases");
    const out = supervisor.getByRole("region", { name: "Sortis de l'archive ces sept derniers jours" });
    await expect(out).toContainText(reference);
    await expect(out).toContainText("Noé lui a répondu");
    await expectAccessible(supervisor);
    await picture(supervisor, "archive-out");
    await noe.page.goto("/desk");
    await noe.goesHome();
  });
});
