import { expect, test } from "./stage";

const ago = (minutes: number): number => Date.now() - minutes * 60_000 - 5000;
const row = (id: string, score: number, ageing: number, minutes: number, more = ""): string =>
  `<li class="floor-row" id="f${id}" data-into="floor-line-rows" data-seq="${-score}" data-score="${score}" data-ageing="${ageing}" ${more}>${id} <span data-since="${ago(minutes)}">?</span></li>`;
const floor = `<live-stream src="/live"></live-stream><live-floor>
  <form data-floor-filter><span data-scripted hidden><input type="search" aria-label="mots"></span><select name="lang" aria-label="langue"><option value="">tout</option><option value="en">en</option></select>
  <button type="reset">tout montrer</button><p data-floor-said data-words="# sur ##"></p></form>
  <p data-when-empty="floor-line-rows">personne</p><p data-when-filtered="floor-line-rows" hidden>aucune</p>
  <ul class="floor-rows" id="floor-line-rows"></ul></live-floor>`;

test("rows come, count their minutes, and are narrowed as they come", async ({ page, stage }) => {
  await stage.show(page, "desk.js", floor);
  await expect.poll(() => stage.streams.length).toBe(1);
  await expect(page.getByText("personne", { exact: true })).toBeVisible();
  stage.update(row("a", 10, 2, 0, `data-lang="fr" data-words="Élève Snapchat"`) + row("b", 20, 2, 64, `data-lang="en" data-words="Parent"`));
  await expect(page.locator("#floor-line-rows li")).toHaveText(["b 1 h 04", "a < 1 min"]);
  await expect(page.getByText("personne", { exact: true })).toBeHidden();
  await page.getByLabel("langue").selectOption("en");
  await expect(page.locator("#fa")).toBeHidden();
  await expect(page.locator("[data-floor-said]")).toHaveText("1 sur 2");
  stage.update(row("c", 30, 2, 3, `data-lang="fr" data-words="c"`));
  await expect(page.locator("[data-floor-said]")).toHaveText("1 sur 3");
  await expect(page.locator("#fc")).toBeHidden();
  stage.update(`<li id="fb" data-gone></li>`);
  await expect(page.getByText("aucune")).toBeVisible();
  await page.getByRole("button").click();
  await expect(page.locator("#floor-line-rows > :visible")).toHaveText(["c 3 min", "a < 1 min"]);
  await page.getByLabel("mots").fill("eleve");
  await expect(page.locator("#floor-line-rows > :visible")).toHaveText(["a < 1 min"]);
});

test("where queues age unlike, who has waited long passes before who counts for more", async ({ page, stage }) => {
  await stage.show(page, "desk.js", floor);
  await expect.poll(() => stage.streams.length).toBe(1);
  // 50 points against 10 and thirty minutes at 10 points each.
  stage.update(row("heavy", 50, 2, 1) + row("patient", 10, 10, 30));
  await expect(page.locator("#floor-line-rows li")).toHaveText([/^patient/, /^heavy/]);
});

test("what a list has no more is taken away when all of it is told", async ({ page, stage }) => {
  await stage.show(page, "desk.js", floor);
  await expect.poll(() => stage.streams.length).toBe(1);
  stage.update(["a", "b", "c"].map((id, i) => row(id, 10 - i, 2, 1)).join(""));
  await expect(page.locator("#floor-line-rows li")).toHaveCount(3);
  stage.update(`${row("b", 9, 2, 1)}<div data-only="floor-line-rows" data-ids="fb fz"></div>`);
  await expect(page.locator("#floor-line-rows li")).toHaveText([/^b/]);
});
