// A child in danger at home: the call comes first, the paper follows to the 119 in an envelope that only its key opens, and the
// receipt stands in the file.
import { Decrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { Administrator } from "./people";
import { logsIn, opensCase, talking } from "./staff";

test.describe("referrals", { tag: "@desk" }, () => {
  test("from a danger in a chat to the receipt of the 119", async ({ someone }) => {
    test.setTimeout(180_000);
    const identity = await generateX25519Identity();
    const recipient = await identityToRecipient(identity);
    const house = new Administrator(await someone());
    await house.edits("partners", (text) => text.replace('code = "119"\n', `code = "119"\nkey = "${recipient}"\n`).replace('code = "crip"\n', `code = "crip"\nkey = "${recipient}"\nmailbox = "cellule@departement.example"\n`));

    const { child, counsellor } = await talking(someone);
    const { page } = counsellor;
    /** The page as it is, light and dark, wide and at 320 px. */
    const looks = async (name: string) => {
      await expectAccessible(page);
      await expectNoSideways(page);
      await picture(page, name);
      await page.emulateMedia({ colorScheme: "dark" });
      await page.setViewportSize({ width: 320, height: 640 });
      await expectAccessible(page);
      await expectNoSideways(page);
      await picture(page, `${name}-small-dark`);
      await page.emulateMedia({ colorScheme: "light" });
      await page.setViewportSize({ width: 1280, height: 800 });
    };

    await test.step("she says that she is hit; the protocol opens, and its call comes first", async () => {
      await child.writes("mon père me frappe et il arrive");
      await expect(counsellor.bubble("il arrive")).toBeVisible();
      const protocol = counsellor.form.locator(".protocols > .protocol").first();
      await expect(protocol).toContainText("17");
      await protocol.locator(".protocol-step", { hasText: "17" }).first().locator(".protocol-tick").check();
      await counsellor.field.focus();
      await expect(protocol.locator(".protocol-done").first()).toContainText(/Fait\s:\sCamille,\s\d/);
    });
    await opensCase(counsellor);
    const referrals = page.getByRole("region", { name: "Transmissions" });

    await test.step("the call to the 17 is written down in a line, and the paper has a deadline", async () => {
      await referrals.getByText("Préparer une transmission", { exact: true }).click();
      await referrals.getByLabel("À qui").selectOption("Police ou gendarmerie, en urgence (17)");
      await referrals.getByRole("button", { name: "Préparer", exact: true }).click();
      await page.getByLabel("Numéro appelé").fill("17");
      await page.getByLabel("Qui a répondu").fill("CIC de Nantes");
      await page.getByRole("button", { name: "L'appel est passé" }).click();
      await expect(page.getByText("Appel au 17, CIC de Nantes")).toBeVisible();
      await page.getByRole("link", { name: /Revenir au dossier/ }).click();
      await expect(page.getByRole("region", { name: "À faire" })).toContainText("Transmettre à");
      await expect(page.getByRole("list", { name: "Chronologie" })).toContainText("Appel d'urgence passé");
    });

    await test.step("the 119: what is missing is said before anything is decided", async () => {
      await referrals.getByText("Préparer une transmission", { exact: true }).click();
      await referrals.getByLabel("À qui").selectOption("119, Allô enfance en danger");
      await referrals.getByRole("button", { name: "Préparer", exact: true }).click();
      await page.getByLabel("Ce que l'enfant a dit, ce qui est observé").fill("« Il me frappe. » Elle a peur de rentrer.");
      await page.getByRole("button", { name: "Décider de transmettre" }).click();
      await expect(page.getByRole("alert")).toContainText("Dites si la personne est d'accord");
      await expect(page.getByLabel("Ce que l'enfant a dit, ce qui est observé")).toHaveValue(/Elle a peur/);
      await looks("referral");
      await page.getByLabel("La personne est d'accord.").check();
      await page.getByLabel("Ce qui lui a été dit").fill("Le 119 saura ce qu'elle a dit. Sa mère aussi, plus tard.");
      await page.getByLabel("Pourquoi transmettre, ou ne pas transmettre").fill("Violences à la maison.");
      await page.getByRole("button", { name: "Décider de transmettre" }).click();
      await expect(page.getByText("Décidée, à envoyer")).toBeVisible();
      await looks("referral-decided");
    });
    const referral = page.url();

    const [link, code] = await test.step("it is closed to the key of the 119, behind a link and a code", async () => {
      await page.getByText("Par lien sécurisé", { exact: true }).click();
      await page.getByRole("button", { name: "Créer le lien" }).click();
      await expect(page.getByText("Dites le code au téléphone")).toBeVisible();
      await looks("referral-sent");
      return [await page.locator("#envelope-link").innerText(), await page.locator("#envelope-code").innerText()];
    });

    await test.step("the 119 fetches it once, and opens it with its key", async () => {
      const them = await someone();
      const address = new URL(link!).pathname;
      await them.goto(address);
      await expectAccessible(them);
      await picture(them, "envelope");
      await them.setViewportSize({ width: 320, height: 640 });
      await expectNoSideways(them);
      await picture(them, "envelope-small");
      await them.getByLabel("Code").fill("2222-2222");
      await them.getByLabel("Votre nom et votre service").fill("Mme Roux, 119");
      await them.getByRole("button", { name: "Retirer l'enveloppe" }).click();
      await expect(them.getByText("Ce code n'est pas le bon.")).toBeVisible();
      await expectAccessible(them);
      await them.getByLabel("Code").fill(code!.toLowerCase());
      const coming = them.waitForEvent("download");
      await them.getByRole("button", { name: "Retirer l'enveloppe" }).click();
      const download = await coming;
      expect(download.suggestedFilename()).toMatch(/^R-\w{4}-\w{2}\.txt\.age$/);
      const parts: Buffer[] = [];
      for await (const part of await download.createReadStream()) parts.push(part as Buffer);
      const opener = new Decrypter();
      opener.addIdentity(identity);
      const text = await opener.decrypt(new Uint8Array(Buffer.concat(parts)), "text");
      expect(text).toContain("Elle a peur de rentrer.");
      await them.goto(address);
      await expect(them.getByText("Ce lien n'ouvre rien")).toBeVisible();
    });

    await test.step("the receipt stands on the page and in the file", async () => {
      await page.goto(referral);
      await expect(page.getByText("Reçue par le partenaire")).toBeVisible();
      await expect(page.getByText("Retiré par Mme Roux, 119")).toBeVisible();
      await expect(page.getByText(code!)).toHaveCount(0);
      await page.getByRole("link", { name: /Revenir au dossier/ }).click();
      await expect(referrals).toContainText("Reçue par le partenaire");
      await expect(page.getByRole("list", { name: "Chronologie" })).toContainText("Transmission retirée par le partenaire");
      await looks("case-referrals");
    });

    await test.step("the département's office is written to, by an e-mail that says nothing of what is in it", async () => {
      await referrals.getByText("Préparer une transmission", { exact: true }).click();
      await referrals.getByLabel("À qui").selectOption("CRIP du département (information préoccupante)");
      await referrals.getByRole("button", { name: "Préparer", exact: true }).click();
      const answers = { organisation: "Ligne d'écoute", date: "2026-11-28", writer: "Écoutante", reported: "« Il me frappe. »", harm: "Elle a peur de rentrer." };
      for (const [name, value] of Object.entries(answers)) await page.locator(`[name="field.${name}"]`).fill(value);
      await page.locator('[name="field.parents_told"]').selectOption("no");
      await page.getByLabel("La personne est d'accord.").check();
      await page.getByLabel("Ce qui lui a été dit").fill("La cellule saura ce qu'elle a dit.");
      await page.getByLabel("Pourquoi transmettre, ou ne pas transmettre").fill("Violences à la maison.");
      await page.getByRole("button", { name: "Décider de transmettre" }).click();
      await expect(page.getByText("Décidée, à envoyer")).toBeVisible();
      const way = page.locator("details", { hasText: "Par courriel scellé" });
      await way.locator("summary").click();
      await expect(way).toContainText("cellule@departement.example");
      await looks("referral-mail");
      await way.getByRole("button", { name: "Envoyer le courriel scellé" }).click();
      await expect(async () => {
        await page.reload();
        await expect(page.locator(".case-head")).toContainText("Envoyée", { timeout: 1000 });
      }).toPass();
      await expect(page.getByText("Par courriel scellé").first()).toBeVisible();
      await looks("referral-mail-sent");
      await page.getByRole("link", { name: /Revenir au dossier/ }).click();
      await expect(page.getByRole("list", { name: "Chronologie" })).toContainText("Courriel scellé confié à notre serveur");
    });

    await test.step("a decision not to refer is read by somebody else", async () => {
      await referrals.getByText("Préparer une transmission", { exact: true }).click();
      await referrals.getByLabel("À qui").selectOption("Référent harcèlement de l'école");
      await referrals.getByRole("button", { name: "Préparer", exact: true }).click();
      await page.getByLabel("Pourquoi transmettre, ou ne pas transmettre").fill("Elle ne veut pas que l'école sache.");
      await page.getByRole("button", { name: "Décider de ne pas transmettre" }).click();
      await expect(page.getByText("Non transmise, à relire")).toBeVisible();
      await expect(page.getByRole("button", { name: "Je suis d'accord" })).toHaveCount(0);
      const dominique = await someone();
      await logsIn(dominique, "dominique");
      await dominique.goto(page.url());
      await dominique.getByRole("button", { name: "Je suis d'accord" }).click();
      await expect(dominique.getByText("Non transmise, relue")).toBeVisible();
    });

    await test.step("what the law says, for the child and for a parent, as it is printed", async () => {
      await page.getByRole("link", { name: /Revenir au dossier/ }).click();
      await page.getByText("Changer le sujet", { exact: true }).or(page.locator("summary", { hasText: "sujet" })).first().click();
      await page.locator("#case-topic").selectOption("cyberbullying");
      await page.locator("form[action$='/topic'] button").click();
      await page.getByRole("link", { name: "Fiche infractions" }).click();
      await expect(page.getByText("On t'insulte")).toBeVisible();
      await looks("offences");
      await page.emulateMedia({ media: "print" });
      await picture(page, "offences-print");
      await expect(page.getByRole("link", { name: "Pour un parent" })).toBeHidden();
      await page.emulateMedia({ media: "screen" });
      await page.getByRole("link", { name: "Pour un parent" }).click();
      await expect(page.getByText("Des propos ou des comportements répétés")).toBeVisible();
    });
    await page.goto("/desk");
    await counsellor.goesHome();
  });
});
