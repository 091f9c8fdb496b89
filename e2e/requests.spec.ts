// Somebody asks what we hold of her: a child has her copy by her four words, a parent is told neither yes nor no, and no day is missed.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Download, Page } from "@playwright/test";
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { logsIn, talking } from "./staff";

const day = (ago: number): string => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);

/** Notes a request, as its form asks for it. */
async function asks(page: Page, who: string, kind: string, words: string, received = day(0)): Promise<void> {
  await page.goto("/admin/requests/new");
  await page.getByLabel("Qui demande", { exact: true }).selectOption(who);
  await page.getByLabel("Ce qui est demandé").selectOption(kind);
  await page.getByLabel("Comment elle est venue").selectOption("letter");
  await page.getByLabel("Reçue le").fill(received);
  await page.getByLabel("La demande, en ses mots").fill(words);
  await page.getByLabel("Nom de qui demande").fill("Madame Durand");
  await page.getByLabel("Où répondre").fill("3 rue des Lilas\n35000 Rennes");
  await page.getByRole("button", { name: "Noter la demande" }).click();
}

async function looks(page: Page, name: string): Promise<void> {
  await expectAccessible(page);
  await expectNoSideways(page);
  await picture(page, name);
}

/** The page as it is on a small telephone in the dark, and then as it was. */
async function smallAndDark(page: Page, name: string): Promise<void> {
  const size = page.viewportSize() ?? { width: 1440, height: 900 };
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 320, height: 640 });
  await looks(page, name);
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(size);
}

/** Where a download lies. */
async function saved(download: Download): Promise<string> {
  const path = join(mkdtempSync(join(tmpdir(), "vigie-")), download.suggestedFilename());
  await download.saveAs(path);
  return path;
}

const onPaper = (path: string): string => execFileSync("pdftotext", ["-layout", path, "-"], { encoding: "utf8" });

test.describe("requests about data", { tag: "@desk" }, () => {
  test("a child has her copy by her four words, and nothing of anybody else is in it", async ({ someone }) => {
    test.setTimeout(120_000);
    const { child, counsellor } = await talking(someone);
    await child.writes("Il menace de montrer ma photo.");
    const { page } = counsellor;
    await expect(counsellor.talk).toContainText("Il menace de montrer ma photo.");
    await page.locator("summary", { hasText: "Ouvrir un dossier" }).click();
    await page.getByRole("button", { name: "Ouvrir le dossier" }).click();
    await page.getByRole("region", { name: "Notes" }).getByLabel("Ajouter une note").fill("Sa mère, Madame Durand, ne sait rien.");
    await page.getByRole("button", { name: "Ajouter la note" }).click();
    const words = (await child.asksForWords()).join(" ");

    const officer = await someone();
    await logsIn(officer, "maelle");
    await expect(officer).toHaveURL(/\/admin|\/desk/);
    await officer.goto("/admin/requests");
    await expect(officer.getByText("Aucune demande en attente")).toBeVisible();
    await looks(officer, "requests-none");
    await asks(officer, "young", "access", "Je veux voir ce que vous gardez de moi.");
    await expect(officer.getByRole("heading", { level: 1 })).toHaveText(/^Demande D-\w{4}-\w{2}$/);
    await officer.getByLabel("Ses quatre mots").fill("lundi mardi");
    await officer.getByRole("button", { name: "Trouver ses contacts" }).click();
    await expect(officer.getByRole("status").first()).toBeVisible();
    await officer.getByLabel("Ses quatre mots").fill(words);
    await officer.getByRole("button", { name: "Trouver ses contacts" }).click();
    await expect(officer.getByText("1 contact est le sien")).toBeVisible();
    await officer.getByRole("button", { name: "Préparer sa copie" }).click();
    await expect(officer.getByText("Une copie est prête")).toBeVisible();
    await expect(officer.getByText("Il menace")).toHaveCount(0);
    await looks(officer, "request");
    await smallAndDark(officer, "request-small-dark");

    await test.step("her counsellor asks whether she is alone, and opens it to her", async () => {
      await page.goto("/desk");
      await expect(page.getByText("Une copie de ses données est prête")).toBeVisible();
      await picture(page, "copy-desk");
      await page.getByRole("button", { name: "Lui ouvrir sa copie" }).click();
      await expect(page.getByText("Elle est ouverte dans cette conversation.")).toBeVisible();
    });
    await test.step("she takes it with her words", async () => {
      await child.page.getByRole("link", { name: "Prendre ta copie" }).click();
      await expect(child.page.getByText("Le fichier reste sur ton téléphone.")).toBeVisible();
      await looks(child.page, "copy-child");
      await smallAndDark(child.page, "copy-child-small-dark");
      await child.page.getByLabel("Tes 4 mots").fill(words);
      const coming = child.page.waitForEvent("download");
      await child.page.getByRole("button", { name: "Prendre ma copie" }).click();
      const zip = await saved(await coming);
      const folder = mkdtempSync(join(tmpdir(), "vigie-"));
      execFileSync("unzip", ["-q", zip, "-d", folder]);
      const paper = onPaper(join(folder, "copie.pdf"));
      const data = readFileSync(join(folder, "copie.json"), "utf8");
      for (const text of [paper, data]) {
        expect(text).toContain("Il menace de montrer ma photo.");
        expect(text).not.toContain("Durand");
      }
      expect(JSON.parse(data).contacts).toHaveLength(1);
      await child.page.goto("/chat");
    });
    await test.step("the letter says how, never what", async () => {
      await officer.reload();
      await expect(officer.getByText("Elle l'a prise le")).toBeVisible();
      await officer.getByText("Écrire une lettre", { exact: true }).click();
      await officer.getByLabel("Laquelle ?").selectOption("access");
      await officer.getByRole("button", { name: "Commencer la lettre" }).click();
      const coming = officer.waitForEvent("download");
      await officer.getByRole("link", { name: "Lettre en PDF" }).click();
      const letter = onPaper(await saved(await coming));
      expect(letter).toContain("Ta copie est prête");
      expect(letter).not.toContain("menace");
      await officer.getByRole("button", { name: "C'est répondu" }).click();
      await expect(officer.getByText("Envoyez d'abord la lettre")).toBeVisible();
      await officer.getByRole("button", { name: "Noter l'envoi" }).click();
      await officer.getByRole("button", { name: "C'est répondu" }).click();
      await expect(officer.getByRole("button", { name: "Classer" })).toBeVisible();
    });
    await counsellor.goesHome();
  });

  test("a parent asks at the desk, and is told neither yes nor no", async ({ someone }) => {
    const desk = await someone();
    await logsIn(desk, "dominique");
    await desk.goto("/desk/cases");
    await desk.getByRole("link", { name: "Quelqu'un demande ses données" }).click();
    await looks(desk, "request-new");
    await smallAndDark(desk, "request-new-small-dark");
    await asks(desk, "parent", "access", "Je veux savoir ce que ma fille Inès vous a dit.");
    await expect(desk.getByText(/^Demande D-.* notée$/)).toBeVisible();

    const officer = await someone();
    await logsIn(officer, "maelle");
    await officer.goto("/admin/requests");
    await officer.getByRole("row", { name: /parent/ }).getByRole("link").first().click();
    await expect(officer.getByText("Ne cherchez pas l'enfant.")).toBeVisible();
    await officer.getByText("Écrire une lettre", { exact: true }).click();
    await expect(officer.getByLabel("Laquelle ?")).toHaveValue("neither");
    await officer.getByRole("button", { name: "Commencer la lettre" }).click();
    await looks(officer, "request-parent");
    const coming = officer.waitForEvent("download");
    await officer.getByRole("link", { name: "Lettre en PDF" }).click();
    const letter = onPaper(await saved(await coming)).replace(/\s+/g, " ");
    expect(letter).toContain("elle ne confirme rien et ne dément rien");
    expect(letter).toContain("CNIL");
    expect(letter).not.toContain("Inès");
  });

  test("what is late stands on top, and more time is taken with a reason", async ({ someone }) => {
    const officer = await someone();
    await logsIn(officer, "maelle");
    await asks(officer, "young", "erasure", "Effacez tout.", day(60));
    await expect(officer.getByText("En retard")).toBeVisible();
    await expect(officer.getByText("Prolonger de deux mois")).toHaveCount(0);
    await asks(officer, "young", "rectification", "Mon âge est faux.", day(3));
    await officer.getByText("Prolonger de deux mois", { exact: true }).first().click();
    await officer.getByLabel("Pourquoi faut-il plus de temps ?").fill("Douze demandes sont arrivées le même jour.");
    await officer.getByRole("button", { name: "Prolonger de deux mois" }).click();
    await expect(officer.getByText("La personne doit l'apprendre pendant le premier mois")).toBeVisible();
    await expect(officer.getByLabel("Texte de la lettre")).toHaveValue(/Douze demandes/);
    await officer.getByRole("button", { name: "Noter l'envoi" }).click();
    await expect(officer.getByText("La personne doit l'apprendre pendant le premier mois")).toHaveCount(0);
    await officer.goto("/admin/requests");
    await expect(officer.getByRole("row").nth(1)).toContainText("En retard");
    await looks(officer, "requests");
    await smallAndDark(officer, "requests-small-dark");
  });
});
