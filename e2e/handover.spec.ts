// What a morning begins with: the note of the shift before, and what it left, in the order in which it is to be done.
import { expect, looksRightEverywhere, picture, test } from "./vigie";
import { logsIn, phone, talking } from "./staff";

test.use({ past: true });

test.describe("the handover", { tag: "@desk" }, () => {
  test("a shift reads what the one before left, and says so", async ({ someone }) => {
    test.setTimeout(180_000);
    const { child, counsellor } = await talking(someone, "camille");
    await child.writes("Je veux mourir, j'ai peur.");
    await expect(counsellor.talk).toContainText("Je veux mourir");

    const morgane = await someone();
    await logsIn(morgane, "morgane");
    await expect(morgane).toHaveURL(/\/desk(\?|$)/);
    await morgane.goto("/desk/handover");
    await expect(morgane.getByText("Le casque du poste 3 grésille")).toBeVisible();
    await expect(morgane.getByRole("heading", { name: /Dangers ouverts/ })).toBeVisible();
    await expect(morgane.getByText("Je veux mourir")).toHaveCount(0);
    await looksRightEverywhere(morgane, "handover");
    await morgane.getByText("Écrire le mot de mon poste").click();
    await morgane.getByLabel("Ce que le poste suivant doit savoir").fill("Le standard est calme.");
    await morgane.getByRole("button", { name: "Laisser ce mot" }).click();
    await expect(morgane.getByText("Votre mot attend le poste suivant")).toBeVisible();

    await morgane.getByText("Écrire le mot de mon poste").click();
    await morgane.getByLabel("Ce que le poste suivant doit savoir").fill("Pas encore laissé.");

    const noe = await someone({ ...phone, javaScriptEnabled: false });
    await logsIn(noe, "noe");
    await expect(noe).toHaveURL(/\/desk(\?|$)/);
    await noe.goto("/desk/handover");
    await expect(noe.getByText("Le standard est calme.")).toBeVisible();
    await expect(noe.getByText("à lire").first()).toBeVisible();
    await expect(noe.getByText("que vous ne pouvez pas ouvrir").first()).toBeVisible();
    await picture(noe, "handover-counsellor");
    await noe.getByRole("button", { name: "J'ai lu la relève" }).click();
    await expect(noe.getByText("C'est noté. Bon service.")).toBeVisible();
    await expect(noe.getByText("à lire")).toHaveCount(0);
    await expect(morgane.getByText(/Lu par 1 sur/).first(), "the open page is drawn anew by itself").toBeVisible({ timeout: 20_000 });
    await expect(morgane.getByLabel("Ce que le poste suivant doit savoir"), "and what is being written stays").toHaveValue("Pas encore laissé.");

    const officer = await someone();
    await logsIn(officer, "maelle");
    await expect(officer).not.toHaveURL(/login/);
    await officer.goto("/desk/handover");
    await expect(officer.getByRole("heading", { name: /Demandes de données/ })).toBeVisible();
    await expect(officer.getByRole("heading", { name: /Dangers ouverts/ })).toHaveCount(0);
    await picture(officer, "handover-officer");
    await morgane.goto("/desk/rota");
    await looksRightEverywhere(morgane, "rota-demo");
    await morgane.goto("/desk/floor");
    await expect(morgane.locator("#floor-rota")).toContainText(/Attendu|Là sans|Tous ceux/);
    await morgane.locator("#floor-rota").scrollIntoViewIfNeeded();
    await picture(morgane, "floor-rota");
  });
});
