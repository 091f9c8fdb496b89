// Double écoute of a chat, with three browsers at once: the child, her counsellor and a supervisor who follows what is
// sent, whispers, writes along under her name, takes over and gives back; and the child's no, which ends it at once.
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { contactOf, logsIn, talking } from "./staff";

test.describe("following a chat", { tag: "@desk" }, () => {
  test("followed, whispered, written along, taken over and given back, and refused by the child", async ({ page, someone }) => {
    test.slow();
    const { child, counsellor } = await talking(someone);
    const id = await contactOf(counsellor.talk);
    await child.writes("On partage ma photo dans la classe.");

    await logsIn(page, "dominique");
    await page.goto("/desk/floor");
    const row = page.locator(`#u${id}`);
    await expect(row).toContainText("Camille");
    await picture(page, "listen-floor");
    await row.locator(".floor-acts > summary").click();
    await row.getByRole("link", { name: "Suivre" }).click();
    await expect(page.getByText("Seule la sécurité permet d'écouter", { exact: false }).or(page.getByText("seule la sécurité permet d'écouter"))).toBeVisible();
    await expectAccessible(page);

    await test.step("the team is told of a period, and then quality is a purpose", async () => {
      await page.getByRole("link", { name: "Périodes d'écoute" }).click();
      await page.getByLabel("De", { exact: true }).fill("00:00");
      await page.getByLabel("À", { exact: true }).fill("23:59");
      await page.getByRole("button", { name: "Annoncer à l'équipe" }).click();
      await expect(page.getByText("annoncée par Dominique")).toBeVisible();
      await expectAccessible(page);
      await picture(page, "listen-periods");
      await page.goto(`/desk/listen/${id}`);
      await picture(page, "listen-begin");
      await expectNoSideways(page);
      await page.getByLabel("qualité").check();
      await page.getByRole("button", { name: "Suivre la conversation" }).click();
    });
    const log = page.locator("#listen-log");
    await expect(log).toContainText("On partage ma photo dans la classe.");
    await expect(counsellor.talk.locator(".listened")).toContainText("Dominique lit avec vous depuis");
    await expect(counsellor.talk.locator(".listened")).toContainText("qualité");

    await test.step("what is sent comes at once, what is typed never does", async () => {
      await child.field.pressSequentially("je ne sais pas si je peux");
      await page.waitForTimeout(1500);
      expect(await page.content()).not.toContain("je ne sais pas si je peux");
      await child.field.fill("");
      await child.writes("C'est Léo qui a commencé.");
      await expect(log).toContainText("C'est Léo qui a commencé.");
    });

    await test.step("a whisper is the counsellor's alone", async () => {
      await page.getByRole("button", { name: "Souffler", exact: true }).click();
      await page.locator("#listen-whisper-body").fill("Demande si un adulte le sait.");
      await page.locator("#listen-whisper-body").press("Enter");
      await expect(page.locator("#whisper-log")).toContainText("Demande si un adulte le sait.");
      await expect(counsellor.talk.locator(".whispers")).toContainText("Demande si un adulte le sait.");
      await expect(counsellor.talk.locator(".whispers")).toContainText("Dominique");
      expect(await child.page.content()).not.toContain("Demande si un adulte");
      expect(await child.page.content()).not.toContain("Dominique");
      await picture(page, "listen-whisper");
      await expectAccessible(page);
      await expectNoSideways(page);
      await page.setViewportSize({ width: 320, height: 700 });
      await page.emulateMedia({ colorScheme: "dark" });
      await picture(page, "listen-whisper-small-dark");
      await expectNoSideways(page);
      await expectAccessible(page);
      await page.setViewportSize({ width: 1440, height: 900 });
      await page.emulateMedia({ colorScheme: "light" });
      await picture(counsellor.page, "listened-desk");
      await expectAccessible(counsellor.page);
    });

    await test.step("she writes along under her name, and the child reads who she is", async () => {
      await page.getByRole("button", { name: "Écrire avec eux" }).click();
      await page.locator("#listen-write-body").fill("Bonjour, je suis là avec Camille.");
      await page.locator("#listen-write-body").press("Enter");
      await expect(child.log).toContainText("Dominique, de l'équipe, nous rejoint pour t'aider aussi.");
      await expect(child.log).toContainText("Bonjour, je suis là avec Camille.");
      await expect(counsellor.talk).toContainText("Bonjour, je suis là avec Camille.");
      await picture(child.page, "listen-child");
      await page.getByRole("button", { name: "Suivre", exact: true }).click();
      await expect(child.log).toContainText("Dominique a quitté la conversation.");
      await expect(page.locator("#listen-write-body")).toHaveCount(0);
    });

    await test.step("she takes over, and nothing is to be repeated; then she gives back", async () => {
      const began = Date.now();
      await page.getByRole("button", { name: "Reprendre la conversation" }).click();
      await expect(page.getByText("Vous avez repris cette conversation.")).toBeVisible();
      await child.isWith("Dominique");
      await expect(counsellor.talk).toHaveCount(0);
      console.log(JSON.stringify({ listening: "taken over", ms: Date.now() - began }));
      await picture(page, "listen-taken");
      await page.getByRole("button", { name: "Rendre à Camille" }).click();
      await child.isWith("Camille");
      await expect(counsellor.talk).toHaveCount(1);
    });

    await test.step("the child says no, and it ends at once", async () => {
      await page.goto(`/desk/listen/${id}`);
      await page.getByLabel("qualité").check();
      await page.getByRole("button", { name: "Suivre la conversation" }).click();
      await expect(log).toContainText("On partage ma photo");
      await child.page.getByText("Qui lit ?").click();
      await picture(child.page, "listen-child-readers");
      await expectAccessible(child.page);
      await child.page.getByRole("button", { name: "Non, seulement la personne qui me répond" }).click();
      await expect(child.page.getByText("C'est noté : personne d'autre ne lit.")).toBeVisible();
      await expect(page.getByText("La personne a refusé l'écoute : elle s'est arrêtée aussitôt.")).toBeVisible();
      await expect(log).toHaveCount(0);
      await child.writes("Merci.");
      await expect(counsellor.talk).toContainText("Merci.");
      expect(await page.content()).not.toContain("On partage ma photo");
      await expect(counsellor.talk.locator(".listened")).toContainText("La personne a refusé que quelqu'un d'autre lise.");
      await page.getByLabel("qualité").check();
      await page.getByRole("button", { name: "Suivre la conversation" }).click();
      await expect(page.getByText("Seule la sécurité, quand il y a danger, permet d'écouter.").first()).toBeVisible();
      await picture(page, "listen-refused");
    });

    await test.step("a counsellor cannot listen, and those entitled read who did", async () => {
      const noe = await someone();
      await logsIn(noe, "noe");
      expect((await noe.goto(`/desk/listen/${id}`))?.status()).toBe(403);
      await page.goto(`/desk/history/${id}`);
      await expect(page.getByRole("heading", { name: "Double écoute" })).toBeVisible();
      await expect(page.locator("[aria-labelledby=past-listened]")).toContainText("qualité");
      await expect(page.locator("[aria-labelledby=past-listened]")).toContainText("refusée par la personne");
    });
  });
});
