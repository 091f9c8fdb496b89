// What the helpline did, in numbers: a supervisor reads the figures, keeps a view, takes them along as files, and reads what may be published.
import { readFile } from "node:fs/promises";
import type { Locator, Page } from "@playwright/test";
import { expect, expectAccessible, looksRight, test } from "./vigie";
import { logsIn } from "./staff";

test.use({ past: true });

/** Presses what hands out a file, and returns its name and its bytes. */
async function handsOut(page: Page, press: Locator): Promise<{ name: string; bytes: Buffer }> {
  const coming = page.waitForEvent("download");
  await press.click();
  const file = await coming;
  return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) };
}

/** The page of the last eighty days: they have made-up contacts, and a whole month that is over, whatever the date is. */
function season(): string {
  const day = (ago: number): string => new Date(Date.now() - ago * 24 * 3600_000).toISOString().slice(0, 10);
  return `/desk/stats?period=dates&from=${day(80)}&until=${day(0)}`;
}

test("a supervisor reads the figures, keeps a view, and takes them along", { tag: "@desk" }, async ({ page }) => {
  test.setTimeout(180_000);
  await logsIn(page, "dominique");
  await page.goto("/desk/stats");
  await expect(page.getByRole("heading", { name: "Chiffres" })).toBeVisible();
  await page.getByLabel("Période", { exact: true }).selectOption({ label: "Ce trimestre" });
  await page.getByRole("button", { name: "Afficher" }).click();
  const whole = page.getByRole("region", { name: "Ce qui est entré, et ce que c'est devenu" });
  await expect(whole).toContainText("Abandonnés avant 5 s");
  await expect(page.getByRole("img", { name: "Jour après jour" })).toBeVisible();
  await looksRight(page, "stats");

  await test.step("the numbers behind a chart", async () => {
    const chart = page.locator("#chart-hours");
    await chart.getByText("Les nombres").click();
    await expect(chart.getByRole("row", { name: /^17 h/ })).toBeVisible();
    await expectAccessible(page);
  });
  await test.step("a view that is kept", async () => {
    await page.getByText("Garder cette vue").click();
    await page.getByLabel("Nom de la vue").fill("Le trimestre, au téléphone");
    await page.getByRole("button", { name: "Garder", exact: true }).click();
    await expect(page.getByRole("link", { name: "Le trimestre, au téléphone" })).toBeVisible();
    await page.getByRole("button", { name: "Retirer « Le trimestre, au téléphone »" }).click();
    await expect(page.getByRole("link", { name: "Le trimestre, au téléphone" })).toHaveCount(0);
  });
  await test.step("crossed with the answers of the forms", async () => {
    await page.goto(season());
    await page.getByText("Croiser avec les réponses des fiches").click();
    await page.getByLabel("Genre de l'enfant", { exact: true }).selectOption({ label: "Fille" });
    await page.getByRole("button", { name: "Afficher" }).click();
    await expect(page.getByRole("status").filter({ hasText: /^\d+ contacts encore gardés portent ces réponses/ })).toBeVisible();
    const girls = page.getByRole("region", { name: "Par genre de l'enfant" });
    await expect(girls).toContainText("Fille");
    await expect(girls).not.toContainText("Garçon");
    await looksRight(page, "stats-crossed");
    const csv = await handsOut(page, page.getByRole("link", { name: "CSV", exact: true }));
    expect(csv.bytes.toString()).not.toContain("Garçon");
    for (const [label, option] of [["Âge de l'enfant", "0 à 6 ans"], ["Langue", "anglais"]] as const) await page.getByLabel(label, { exact: true }).selectOption({ label: option });
    await page.getByRole("button", { name: "Afficher" }).click();
    await expect(page.getByRole("status").filter({ hasText: "Moins de 5 contacts encore gardés" })).toBeVisible();
    await expect(page.getByRole("link", { name: "CSV", exact: true })).toHaveCount(0);
    await page.goto("/desk/stats?period=quarter");
  });
  await test.step("the files", async () => {
    const csv = await handsOut(page, page.getByRole("link", { name: "CSV", exact: true }));
    expect(csv.name).toMatch(/^chiffres-.*\.csv$/);
    expect(csv.bytes.toString()).toContain("Entrants");
    expect((await handsOut(page, page.getByRole("link", { name: "Classeur (XLSX)" }))).bytes.subarray(0, 2).toString()).toBe("PK");
    const tables = JSON.parse((await handsOut(page, page.getByRole("link", { name: "JSON" }))).bytes.toString()) as { tables: { code: string }[] };
    expect(tables.tables.map((t) => t.code)).toContain("department");
    expect((await handsOut(page, page.getByRole("link", { name: "PDF", exact: true }))).bytes.subarray(0, 5).toString()).toBe("%PDF-");
  });
  await test.step("a line for each contact", async () => {
    await page.goto(season());
    await page.getByText("Une ligne par contact").click();
    await expect(page.getByText(/Il portera sur.* du .* au /)).toBeVisible();
    await page.getByRole("button", { name: "Préparer le classeur" }).click();
    await expect(page.getByRole("heading", { name: "Une ligne par contact" })).toBeVisible();
    await expect(page.getByRole("status").filter({ hasText: /^\d+ contacts\. À prendre avant/ })).toBeVisible();
    await looksRight(page, "stats-lines");
    const book = await handsOut(page, page.getByRole("link", { name: "Emporter le classeur (XLSX)" }));
    expect(book.name).toMatch(/^contacts-\d{8}-\d{8}\.xlsx$/);
    expect(book.bytes.subarray(0, 2).toString()).toBe("PK");
    await page.getByRole("button", { name: "Retirer ce classeur" }).click();
    await expect(page.getByText("Aucun classeur.")).toBeVisible();
    await page.getByRole("link", { name: "Chiffres" }).first().click();
  });
  await test.step("what goes to CHI", async () => {
    await page.getByRole("link", { name: "Remontée de données CHI" }).click();
    await expect(page.getByRole("region", { name: "Par genre" })).toContainText("Ensemble");
    await looksRight(page, "stats-chi");
    expect((await handsOut(page, page.getByRole("link", { name: "CSV" }))).name).toMatch(/^chi-\d{4}\.csv$/);
  });
  await test.step("what may be published", async () => {
    await page.goto("/desk/stats/year");
    await page.getByLabel("Année").selectOption({ index: 0 });
    await page.getByRole("button", { name: "Afficher" }).click();
    await expect(page.getByRole("region", { name: "Par motif principal" })).toBeVisible();
    await looksRight(page, "stats-year");
    expect((await handsOut(page, page.getByRole("link", { name: "PDF" }))).bytes.subarray(0, 5).toString()).toBe("%PDF-");
  });
});
