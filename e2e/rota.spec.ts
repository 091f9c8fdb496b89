// The rota: a supervisor plans and publishes, a counsellor sees it, offers her Saturday evening, and a colleague takes it.
import type { Page } from "@playwright/test";
import { expect, expectNoSideways, looksRightEverywhere, picture, test } from "./vigie";
import { logsIn } from "./staff";

/** A day of the week after the next, in Paris: 0 is Monday. */
function dayAhead(weekday: number): string {
  const today = new Date(new Date().toLocaleDateString("en-CA", { timeZone: "Europe/Paris" }) + "T12:00:00Z");
  const monday = today.getTime() - ((today.getUTCDay() + 6) % 7) * 86_400_000;
  return new Date(monday + (14 + weekday) * 86_400_000).toISOString().slice(0, 10);
}

async function plans(page: Page, who: string, day: string, from: string, to: string): Promise<void> {
  const form = page.locator("#shift form");
  await form.getByLabel("Personne").selectOption({ label: who });
  await form.getByLabel("Jour", { exact: true }).fill(day);
  await form.getByLabel("De", { exact: true }).fill(from);
  await form.getByLabel("À", { exact: true }).fill(to);
  await form.getByRole("button", { name: "Planifier" }).click();
}

test.describe("the rota", { tag: "@desk" }, () => {
  test("a shift is planned, published, offered and taken", async ({ someone }) => {
    test.setTimeout(400_000);
    const dominique = await someone();
    await logsIn(dominique, "dominique");
    await expect(dominique).toHaveURL(/\/desk(\?|$)/);
    const week = dayAhead(0);
    await dominique.goto(`/desk/rota?week=${week}`);
    await expect(dominique.getByText("brouillon")).toHaveCount(0);
    const people = await dominique.locator("#shift-who option").allTextContents();
    const [camille, other] = [people.find((p) => p.startsWith("Camille"))!, people.find((p) => !/^(Camille|Dominique)/.test(p))!];
    await plans(dominique, camille, dayAhead(5), "15:00", "23:00");
    await expect(dominique.getByText(/Le poste est planifié/)).toBeVisible();
    await plans(dominique, camille, dayAhead(5), "20:00", "23:00");
    await expect(dominique.getByText(/à deux endroits/)).toBeVisible();
    await dominique.goto(`/desk/rota?week=${week}`);
    await plans(dominique, camille, dayAhead(6), "08:00", "12:00");
    await expect(dominique.getByText("L3131-1").first()).toBeVisible();
    await plans(dominique, other, dayAhead(1), "09:00", "17:00");
    await looksRightEverywhere(dominique, "rota-week");

    const counsellor = await someone();
    await logsIn(counsellor, "camille");
    await expect(counsellor).toHaveURL(/\/desk(\?|$)/);
    await counsellor.goto("/desk/rota/mine");
    await expect(counsellor.getByText("Aucun poste publié")).toBeVisible();
    await dominique.getByRole("button", { name: "Publier la semaine" }).click();
    await expect(dominique.getByText("La semaine est publiée")).toBeVisible();
    await dominique.goto("/desk");
    await expectNoSideways(dominique);
    await picture(dominique, "rota-bar");
    await dominique.goto(`/desk/rota?day=${dayAhead(5)}`);
    await expect(dominique.getByRole("cell", { name: "il manque 1" }).first()).toBeVisible();
    await looksRightEverywhere(dominique, "rota-day");

    await counsellor.reload();
    const evening = counsellor.getByRole("listitem").filter({ hasText: "15:00–23:00" });
    await evening.getByText(/Proposer à l.échange/).click();
    await evening.getByRole("button", { name: "Proposer" }).click();
    await expect(counsellor.getByText("Votre poste est proposé")).toBeVisible();
    await counsellor.getByRole("button", { name: /Créer l.adresse/ }).click();
    const address = (await counsellor.locator(".rota-feed").textContent())!;
    await looksRightEverywhere(counsellor, "rota-mine");
    const feed = await counsellor.request.get(new URL(address).pathname);
    expect(feed.headers()["content-type"]).toContain("text/calendar");
    expect(await feed.text()).toMatch(/BEGIN:VEVENT\r\n[^]*STATUS:CONFIRMED/);

    // Somebody who is there already then cannot; the supervisor can.
    await dominique.goto("/desk/rota/mine");
    await dominique.getByRole("button", { name: "Prendre ce poste" }).click();
    await expect(dominique.getByText("Ce poste est maintenant le vôtre")).toBeVisible();
    await counsellor.goto("/desk/rota/mine");
    await expect(counsellor.getByText(/l.a pris à la place de/)).toBeVisible();
    expect(await (await counsellor.request.get(new URL(address).pathname)).text()).toContain("STATUS:CANCELLED");
    await counsellor.getByRole("button", { name: "Arrêter" }).click();
    expect((await counsellor.request.get(new URL(address).pathname)).status()).toBe(404);
  });

  test("without scripts, by keyboard, a usual week is kept and laid", async ({ someone }) => {
    const page = await someone({ javaScriptEnabled: false, viewport: { width: 1280, height: 900 } });
    await logsIn(page, "dominique");
    await expect(page).toHaveURL(/\/desk(\?|$)/);
    const week = dayAhead(7);
    await page.goto(`/desk/rota?week=${week}`);
    const add = page.locator(".rota-add").first();
    await add.focus();
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(/who=/);
    await page.locator("#shift").getByRole("button", { name: "Planifier" }).click();
    await page.getByLabel("Garder cette semaine comme").selectOption("a");
    await page.getByRole("button", { name: "Garder", exact: true }).click();
    await expect(page.getByText("La semaine type est gardée")).toBeVisible();
    await page.getByRole("link", { name: /Semaine d.après/ }).click();
    await page.getByRole("button", { name: "Poser en brouillon" }).click();
    await expect(page.locator(".rota-grid .rota-draft")).toHaveCount(1);
  });
});
