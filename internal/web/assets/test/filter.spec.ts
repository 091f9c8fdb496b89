import { expect, test } from "./stage";

test("a name finds its row among many, and says when there is none", async ({ page, stage }) => {
  await stage.show(page, "desk.js", `<filter-list><div data-scripted hidden><input type="search" aria-label="Trouver" data-filter><p role="status" data-none hidden>personne</p></div>
    <table><tbody>${["Élodie", "Noé", "Noémie"].map((name) => `<tr data-words="${name}"><th>${name}</th></tr>`).join("")}</tbody></table></filter-list>`);
  const rows = page.locator("tr:visible");
  await expect(rows).toHaveCount(3);
  await page.getByLabel("Trouver").fill("noe");
  await expect(rows).toHaveText(["Noé", "Noémie"]);
  await page.getByLabel("Trouver").fill("elodie");
  await expect(rows).toHaveText(["Élodie"]);
  await page.getByLabel("Trouver").fill("x");
  await expect(page.getByRole("status")).toHaveText("personne");
  await page.getByLabel("Trouver").fill("");
  await expect(rows).toHaveCount(3);
});
