// How somebody of the staff shows who she is, and how she takes it back.
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { Counsellor } from "./people";
import { codeOf, logsIn, password } from "./staff";
import type { Page } from "@playwright/test";

async function logsOut(page: Page): Promise<void> {
  await page.goto("/desk/account");
  await page.getByRole("button", { name: "Se déconnecter" }).click();
  await expect(page).toHaveURL(/\/desk\/login$/);
}

/** Puts a phone with a fingerprint reader into this browser. */
async function withDevice(page: Page): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
}

test.describe("the staff's accounts", { tag: "@desk" }, () => {
  test("a wrong password gets its sentence and a wait that grows, and never locks anybody out", async ({ page, someone }) => {
    test.slow();
    const fault = page.locator(".notice");
    const asked: number[] = [];
    await logsIn(page, "noe", "pas le bon mot");
    await expect(fault).toContainText("Ce nom et ce mot de passe ne vont pas ensemble.");
    await expect(page.getByLabel("Identifiant")).toHaveValue("noe");
    await expect(page.getByLabel("Mot de passe")).toHaveValue("");

    // Each try that is heard makes the next wait longer; one that comes too early is not heard.
    await expect(async () => {
      await logsIn(page, "noe", "pas le bon mot");
      const wait = /Attendez (\d+) seconde/.exec(await fault.innerText());
      if (wait) asked.push(Number(wait[1]));
      expect(Math.max(0, ...asked), "long enough for a colleague to log in meanwhile").toBeGreaterThanOrEqual(8);
    }).toPass({ intervals: [0], timeout: 60_000 });
    expect(Math.min(...asked)).toBeLessThanOrEqual(2);

    // Her colleague in the same office does not wait for it.
    const colleague = await someone();
    await logsIn(colleague, "camille");
    await expect(colleague).toHaveURL(/\/desk$/);

    await logsIn(page, "noe");
    await expect(fault, "the right password waits too: nothing tells that it is right").toContainText("Trop d'essais de suite.");
    await expect(async () => {
      await logsIn(page, "noe");
      await expect(page).toHaveURL(/\/desk$/, { timeout: 1000 });
    }).toPass({ timeout: 40_000 });
  });

  test("a password is changed with the old one, and each weak choice is told why", async ({ page, someone }) => {
    const mine = "trois phares sous la pluie";
    const elsewhere = await someone();
    await logsIn(elsewhere, "noe");
    await logsIn(page, "noe");
    await page.goto("/desk/account");
    const change = async (old: string, fresh: string) => {
      await page.getByLabel("Mot de passe actuel").fill(old);
      await page.getByLabel("Nouveau mot de passe").fill(fresh);
      await page.getByRole("button", { name: "Changer le mot de passe" }).click();
    };
    const fault = page.locator(".notice");
    await change("pas le bon mot", mine);
    await expect(fault).toContainText("Ce n'est pas votre mot de passe actuel.");
    await change(password, "court");
    await expect(fault).toContainText("Il faut au moins 12 signes.");
    await change(password, "aaaaaaaaaaaaaaa");
    await expect(fault).toContainText("serait deviné parmi les premiers");
    await change(password, password);
    await expect(fault).toContainText("C'est le même mot de passe qu'avant.");
    await change(password, mine);
    await expect(fault).toContainText("Votre mot de passe est changé.");

    await elsewhere.goto("/desk");
    await expect(elsewhere, "who was logged in elsewhere is out").toHaveURL(/\/desk\/login$/);
    await logsOut(page);
    await logsIn(page, "noe", mine);
    await expect(page).toHaveURL(/\/desk$/);
    await page.goto("/desk/account");
    await change(mine, password);
    await expect(fault).toContainText("Votre mot de passe est changé.");
  });

  test("codes from a phone: enrolled with one, asked for at each log-in, and ten on paper that work once", async ({ page }) => {
    await logsIn(page, "camille");
    await page.goto("/desk/account");
    await page.getByRole("button", { name: "Ajouter les codes de mon téléphone" }).click();
    await expect(page.getByRole("img", { name: "Image à viser" })).toBeVisible();
    const secret = await page.locator("code").innerText();
    const field = page.getByLabel("Le code que l'application affiche");

    await field.fill(codeOf(secret, 50));
    await page.getByRole("button", { name: "Continuer" }).click();
    await expect(page.locator(".notice")).toContainText("Ce code n'est pas celui que l'application devrait montrer.");
    await field.fill(codeOf(secret));
    await page.getByRole("button", { name: "Continuer" }).click();
    const paper = (await page.locator(".recovery").innerText()).split("\n");
    expect(paper).toHaveLength(10);
    await page.goto("/desk/account");
    await expect(page.locator(".recovery"), "they are shown once").toHaveCount(0);
    await expect(page.locator("#factors")).toContainText("Il reste 10 codes de secours.");

    const code = page.getByLabel("Code de votre téléphone");
    await logsOut(page);
    await logsIn(page, "camille");
    await page.goto("/desk");
    await expect(page, "the password alone opens nothing").toHaveURL(/\/desk\/login$/);
    await logsIn(page, "camille");
    await code.fill(codeOf(secret, 1));
    await page.getByRole("button", { name: "Continuer" }).click();
    await expect(page).toHaveURL(/\/desk$/);

    await logsOut(page);
    await logsIn(page, "camille");
    await code.fill(paper[0]!.toLowerCase());
    await page.getByRole("button", { name: "Continuer" }).click();
    await expect(page).toHaveURL(/\/desk$/);
    await logsOut(page);
    await logsIn(page, "camille");
    await code.fill(paper[0]!);
    await page.getByRole("button", { name: "Continuer" }).click();
    await expect(page.locator(".notice")).toContainText("Ce code ne va pas");
    await code.fill(paper[1]!);
    await page.getByRole("button", { name: "Continuer" }).click();
    await expect(page).toHaveURL(/\/desk$/);

    await page.goto("/desk/account");
    await expect(page.locator("#factors")).toContainText("Il reste 8 codes de secours.");
    await page.getByRole("button", { name: "Faire dix nouveaux codes" }).click();
    const anew = (await page.locator(".recovery").innerText()).split("\n");
    expect(anew).toHaveLength(10);
    await expect(page.locator("#factors")).toContainText("Il reste 10 codes de secours.");
    await logsOut(page);
    await logsIn(page, "camille");
    await code.fill(paper[2]!);
    await page.getByRole("button", { name: "Continuer" }).click();
    await expect(page.locator(".notice"), "the old paper is worth nothing").toContainText("Ce code ne va pas");
    await code.fill(anew[0]!);
    await page.getByRole("button", { name: "Continuer" }).click();
    await expect(page).toHaveURL(/\/desk$/);
    await page.goto("/desk/account");
    await page.getByRole("button", { name: "Ne plus demander de code" }).click();
    await expect(page.getByRole("button", { name: "Ajouter les codes de mon téléphone" })).toBeVisible();
  });

  test("a passkey: added with codes on paper for the day it is lost, and enough by itself to come in", async ({ page }) => {
    await withDevice(page);
    await logsIn(page, "dominique");
    await page.goto("/desk/account");
    const add = async (name: string) => {
      await page.getByLabel("Nom de cette clé").fill(name);
      await page.getByRole("button", { name: "Ajouter une clé d'accès" }).click();
    };
    await add("téléphone");
    await expect(page.locator(".passkeys").first()).toContainText("téléphone");
    expect((await page.locator(".recovery").innerText()).split("\n")).toHaveLength(10);
    await expect(page.locator("#factors")).toContainText("Il reste 10 codes de secours.");

    await add("encore le même");
    await expect(page.locator("[data-passkey-status]")).toHaveText("La clé d'accès n'a pas été ajoutée. Réessayez.");

    await logsOut(page);
    await page.getByRole("button", { name: "Se connecter avec une clé d'accès" }).click();
    await expect(page).toHaveURL(/\/desk$/);

    await page.goto("/desk/account");
    const keys = page.locator("#factors .passkeys li");
    await keys.getByLabel("Renommer « téléphone »").click();
    await keys.getByLabel("Nouveau nom de la clé").fill("vieux téléphone");
    await expectNoSideways(page);
    await expectAccessible(page);
    await keys.getByRole("button", { name: "Garder ce nom" }).click();
    await expect(keys.locator("span").first()).toHaveText("vieux téléphone");
    await page.getByRole("button", { name: "Retirer" }).click();
    await expect(page.getByRole("button", { name: "Retirer" })).toHaveCount(0);
    await logsOut(page);
    await page.getByRole("button", { name: "Se connecter avec une clé d'accès" }).click();
    await expect(page.locator("[data-passkey-status]")).toContainText("Cette clé d'accès n'ouvre pas de compte ici.");
  });

  test("her open sessions are listed, and one that she ends is out at once, with what it was writing kept", async ({ page, someone }) => {
    const left = new Counsellor(await someone());
    await left.logsIn("camille");
    await logsIn(page, "camille");
    await page.goto("/desk/account");
    const sessions = page.locator("section", { has: page.getByRole("heading", { name: "Mes sessions ouvertes" }) }).locator("li");
    await expect(sessions.filter({ hasText: "(ici)" })).toHaveCount(1);
    await expect(sessions.filter({ hasText: "(ici)" }).getByRole("button")).toHaveCount(0);
    for (let n = await sessions.getByRole("button").count(); n > 0; n -= 1) {
      await sessions.getByRole("button", { name: "Déconnecter" }).first().click();
      await expect(sessions.getByRole("button")).toHaveCount(n - 1);
    }

    await expect(left.page.locator("live-stream")).toHaveAttribute("data-state", "lost");
    await expect(left.page.locator("[data-live-status]")).toContainText("La session est terminée.");
    await left.page.locator(".presence-switch > summary").click();
    await left.page.locator(".presence-switch button[value=available]").click();
    await expect(left.page.locator(".presence-switch")).toContainText("Votre session est terminée. Connectez-vous à nouveau");
    await left.page.getByRole("link", { name: "Retrouver un contact" }).click();
    await expect(left.page).toHaveURL(/\/desk\/login$/);
    await expect(left.page.getByRole("heading", { name: "Se connecter" })).toBeVisible();

    // The browser that ended it stays, and a form that is posted after the end leads to the log-in page too.
    await page.reload();
    await expect(page.getByRole("heading", { name: "Mon compte" })).toBeVisible();
    await page.context().clearCookies();
    await page.getByLabel("Mot de passe actuel").fill(password);
    await page.getByLabel("Nouveau mot de passe").fill("trois phares sous la pluie");
    await page.getByRole("button", { name: "Changer le mot de passe" }).click();
    await expect(page.getByRole("heading", { name: "Se connecter" })).toBeVisible();
  });

  test("the language and the light of her screens are hers, in whatever browser she works", async ({ page, someone }) => {
    const html = page.locator("html");
    await logsIn(page, "camille");
    await page.goto("/desk/account");
    await expect(html).toHaveAttribute("lang", "fr");
    await expect(html).not.toHaveAttribute("data-theme");
    await page.getByRole("combobox", { name: "Langue des écrans" }).selectOption({ label: "English" });
    await page.locator("form[action='/desk/account/lang'] button").click();
    await expect(page.getByRole("heading", { name: "My account" })).toBeVisible();
    await expect(html).toHaveAttribute("lang", "en");
    const kept = page.waitForResponse((answer) => answer.url().endsWith("/desk/theme"));
    await page.locator("main").getByLabel("Night").check();
    await expect(html, "the light changes at once").toHaveAttribute("data-theme", "dark");
    expect((await kept).status()).toBe(204);
    await page.goto("/desk");
    await expect(html).toHaveAttribute("data-theme", "dark");
    await expect(page.locator(".presence-switch > summary")).toContainText("Away");

    // Another browser, French and bright, until it knows who she is.
    const elsewhere = await someone({ locale: "fr-FR", colorScheme: "light" });
    const there = elsewhere.locator("html");
    await elsewhere.goto("/desk/login");
    await expect(there).toHaveAttribute("lang", "fr");
    await expect(there).not.toHaveAttribute("data-theme");
    await logsIn(elsewhere, "camille");
    await expect(elsewhere).toHaveURL(/\/desk$/);
    await expect(there).toHaveAttribute("lang", "en");
    await expect(there).toHaveAttribute("data-theme", "dark");
    await picture(elsewhere, "desk-her-own");
    await expectAccessible(elsewhere);
    await elsewhere.goto("/desk/account");
    await expect(elsewhere.getByRole("combobox", { name: "Language of the screens" })).toHaveValue("en");
    await expect(elsewhere.locator("main").getByLabel("Night")).toBeChecked();

    // And her colleague's are as they were.
    const colleague = await someone();
    await logsIn(colleague, "noe");
    await expect(colleague).toHaveURL(/\/desk$/);
    await expect(colleague.locator("html")).toHaveAttribute("lang", "fr");
    await expect(colleague.locator("html")).not.toHaveAttribute("data-theme");

    await elsewhere.getByRole("combobox", { name: "Language of the screens" }).selectOption("");
    await elsewhere.locator("form[action='/desk/account/lang'] button").click();
    await expect(there).toHaveAttribute("lang", "fr");
    const back = elsewhere.waitForResponse((answer) => answer.url().endsWith("/desk/theme"));
    await elsewhere.locator("main").getByLabel("Comme l'ordinateur").check();
    await expect(there).not.toHaveAttribute("data-theme");
    await back;
    await page.reload();
    await expect(html).toHaveAttribute("lang", "fr");
    await expect(html).not.toHaveAttribute("data-theme");
  });

  test("one press ends all her sessions but the one she is in", async ({ page, someone }) => {
    const elsewhere = [await someone(), await someone()];
    for (const other of elsewhere) await logsIn(other, "morgane");
    await logsIn(page, "morgane");
    await page.goto("/desk/account");
    await page.getByRole("button", { name: "Déconnecter partout ailleurs" }).click();
    await expect(page.getByRole("button", { name: "Déconnecter partout ailleurs" })).toHaveCount(0);
    await expect(page.locator("li", { hasText: "(ici)" })).toHaveCount(1);
    for (const other of elsewhere) {
      await other.goto("/desk");
      await expect(other).toHaveURL(/\/desk\/login$/);
    }
  });
});
