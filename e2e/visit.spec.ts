// A guest looks on: she signs, follows an invented contact, or a live chat whose person said yes. She reads what was released, masked;
// the words themselves are nowhere on her page, in its source or in what it was sent, before the release or after.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { logsIn, talking } from "./staff";
import type { Page } from "@playwright/test";

async function looks(page: Page, name: string): Promise<void> {
  const size = page.viewportSize()!;
  await expectAccessible(page);
  await expectNoSideways(page);
  await picture(page, name);
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 390, height: 844 });
  await expectAccessible(page);
  await picture(page, `${name}-phone-dark`);
  await page.setViewportSize({ width: 320, height: 640 });
  await expectNoSideways(page);
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(size);
}

/** A visit is noted, and its guest signs at the supervisor's screen. */
async function signs(page: Page): Promise<void> {
  await page.goto("/desk/visits");
  await page.getByLabel("Nom du visiteur").fill("Aude Mercier");
  await page.getByLabel("Organisme").fill("Cour des comptes");
  await page.getByRole("button", { name: "Noter la visite" }).click();
  await page.getByRole("link", { name: "Faire signer à cet écran" }).click();
  await page.getByLabel("J'ai lu, et je m'y engage").check();
  await page.getByLabel("Signature : votre nom, en entier").fill("Aude Mercier");
  await page.getByRole("button", { name: "Signer" }).click();
  await expect(page.getByText("Engagement signé par Aude Mercier")).toBeVisible();
}

/** What a line of the list says, and which words of it must not be read. */
function listed(name: string): { text: string; secrets: string[] }[] {
  return readFileSync(resolve(import.meta.dirname, "../internal/mask/testdata", name), "utf8")
    .split("\n")
    .filter((line) => line && !line.startsWith("#") && !line.includes(" >> ") && !line.startsWith("[") && !line.includes("\\u{"))
    .map((line) => ({ text: line.replace(/\{\{(.*?)\}\}/g, "$1"), secrets: [...line.matchAll(/\{\{(.*?)\}\}/g)].map((m) => m[1]!) }));
}

/** Whether a secret stands in what is there: a short one as a word of its own. */
function standsIn(text: string, secret: string): boolean {
  return secret.length > 2 ? text.includes(secret) : text.split(/[^\p{L}\p{N}]+/u).includes(secret);
}

test.describe("a visit", { tag: "@desk" }, () => {
  test("a guest signs, and follows an invented contact that one key cuts", async ({ page }) => {
    test.setTimeout(180_000);
    await logsIn(page, "dominique");
    await page.goto("/desk/visits");
    await expect(page.getByRole("link", { name: "Cour des comptes" })).toBeVisible();
    await looks(page, "visit-list");
    await signs(page);
    await looks(page, "visit-signed");
    await page.locator(".story").first().getByRole("button", { name: "Suivre" }).click();
    await expect(page.getByText("Contact inventé :")).toBeVisible();
    const [screen] = await Promise.all([page.context().waitForEvent("page"), page.getByRole("link", { name: "Ouvrir l'écran du visiteur" }).click()]);
    await expect(screen.getByText("Contact inventé.", { exact: true })).toBeVisible();
    await expect(screen.getByRole("button", { name: "Lire" })).toBeVisible(); // the script is there
    for (let moment = 2; moment <= 12; moment++) {
      await screen.keyboard.press("ArrowRight");
      await expect(screen.locator("#replay-stage")).toHaveAttribute("data-at", String(moment));
    }
    await looks(screen, "visit-replay");
    await screen.getByLabel("Vitesse").selectOption("4");
    await screen.locator("h1").first().click();
    await screen.keyboard.press("Space");
    await expect(screen.locator("#replay-stage")).toHaveAttribute("data-at", "14", { timeout: 15_000 });
    await page.keyboard.press("Escape");
    await expect(screen.getByRole("heading", { name: "Rien à afficher" })).toBeVisible();
    await expect(page.getByText("L'écran du visiteur est couvert.")).toBeVisible();
    await looks(screen, "visit-cover");
  });

  test("a live chat: asked, masked, released message by message, and never in the clear", async ({ someone }) => {
    test.setTimeout(400_000);
    const { child, counsellor } = await talking(someone);
    const page = await someone();
    await logsIn(page, "dominique");
    await signs(page);
    const visit = page.url();
    await page.getByRole("button", { name: "Demander son accord" }).click();
    await expect(page.getByText("La question est posée")).toBeVisible();
    await expect(counsellor.talk.locator(".listened"), "her counsellor knows too").toContainText("Dominique a demandé à la personne");
    await expect(child.page.getByText("Une question, et tu peux dire non")).toBeVisible();
    await picture(child.page, "visit-child-asked");
    await expectAccessible(child.page);
    await child.page.getByRole("button", { name: "Oui, d'accord" }).click();
    await expect(child.page.getByText("Un visiteur lit la suite")).toBeVisible();
    await expect(counsellor.talk.locator(".listened")).toContainText("un visiteur lit la suite, masquée, sur l'écran de Dominique");

    const screen = await page.context().newPage();
    let traffic = "";
    screen.on("response", async (response) => {
      // Scripts and styles are the same for everyone, and have words of their own: "reading" is one of Reading's.
      if (["script", "stylesheet", "font"].includes(response.request().resourceType())) return;
      if (!response.url().includes("/events")) traffic += await response.text().catch(() => "");
    });
    const wire = await screen.context().newCDPSession(screen);
    await wire.send("Network.enable");
    wire.on("Network.eventSourceMessageReceived", ({ data }) => (traffic += data));
    await expect(page.getByRole("link", { name: "Ouvrir l'écran du visiteur" })).toBeVisible();
    await screen.goto(`${visit}/screen`);
    await expect(screen.getByText("Le premier message s'affichera ici.")).toBeVisible();

    // Elsewhere, in another session of hers, the guest's page is refused.
    const elsewhere = await someone();
    await logsIn(elsewhere, "dominique");
    expect((await elsewhere.goto(`${visit}/screen`))!.status()).toBe(403);
    await elsewhere.close();

    const every = [...listed("must.fr.txt"), ...listed("must.en.txt")];
    const some = every.filter((_, at) => at % 12 === 0);
    let found = 0;
    let of = 0;
    for (const [at, { text, secrets }] of some.entries()) {
      await child.writes(text);
      const line = page.locator(".visit-line").nth(at);
      await expect(line.locator(".visit-original")).toContainText(text.slice(0, 4));
      if (at === 2) await looks(page, "visit-release");
      const before = (await screen.content()) + traffic;
      const shown = (await screen.locator(".guest-line").allInnerTexts()).join("\n");
      if (at === 0) await page.keyboard.press("Alt+v");
      else await line.getByRole("button", { name: "Montrer" }).click();
      await expect(screen.locator(".guest-line")).toHaveCount(at + 1);
      const guest = (await screen.locator(".guest-lines").innerText()) + (await screen.content()) + traffic;
      for (const secret of secrets) {
        of++;
        // A few signs stand in any page, in a time or an id: they are looked for in what the guest reads.
        const [was, is] = secret.length > 4 ? [before, guest] : [shown, (await screen.locator(".guest-line").allInnerTexts()).join("\n")];
        if (!standsIn(was, secret) && !standsIn(is, secret)) found++;
        else console.log(`"${secret}" can be found on the guest's page`);
      }
    }
    console.log(`the guest's page: ${found} of ${of} secrets of ${some.length} sentences are nowhere, before and after the release`);
    expect(found).toBe(of);
    await looks(screen, "visit-screen");

    await child.page.getByRole("button", { name: "Arrêter" }).click();
    await expect(screen.getByRole("heading", { name: "Rien à afficher" })).toBeVisible();
    await expect(page.getByText("La personne a repris son accord").first()).toBeVisible();
    await expect(counsellor.talk.locator(".listened")).not.toContainText("visiteur");
    expect(await screen.locator(".guest-line").count()).toBe(0);
  });
});
