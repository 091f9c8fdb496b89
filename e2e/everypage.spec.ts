// Every page, as it is on a wide screen, on the smallest phone, and at night: nothing that axe can see, nothing
// that scrolls sideways, and a picture of each in e2e/shots, to be looked at.
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { publicPages } from "./pages";
import { Counsellor } from "./people";
import { childWaits, logsIn, phone, unfolds } from "./staff";
import type { Page } from "@playwright/test";

async function looksRight(page: Page, name: string): Promise<void> {
  await picture(page, name);
  await expectNoSideways(page);
  await expectAccessible(page);
}

test.describe("every page", { tag: ["@desk", "@small", "@dark"] }, () => {
  test.slow();

  test("of the site", async ({ page }) => {
    for (const lang of ["", "/en"]) {
      for (const path of publicPages) {
        const answer = await page.goto(lang + path === "/en/" ? "/en" : lang + path);
        expect(answer?.status()).toBe(path === "/nowhere" ? 404 : 200);
        await expect(page.locator("html")).toHaveAttribute("lang", lang ? "en" : "fr");
        await looksRight(page, `site${lang.replace("/", "-")}-${path.slice(1).replaceAll("/", "-") || "home"}`);
      }
    }
  });

  for (const lang of ["fr", "en"]) {
    test(`of the living guide (${lang})`, async ({ page }) => {
      await page.goto(lang === "en" ? "/en/dev/ui" : "/dev/ui");
      await looksRight(page, `guide-${lang}`);
    });
  }

  test("of the staff's own account, and of the house", async ({ page }) => {
    await page.goto("/desk/login");
    await looksRight(page, "login");
    await logsIn(page, "alix", "pas le bon mot");
    await expect(page.locator(".notice")).toBeVisible();
    await looksRight(page, "login-refused");
    await logsIn(page, "alix");
    await expect(page).toHaveURL(/\/admin\/catalogue$/);
    await looksRight(page, "admin-catalogue");
    for (const path of ["catalogue/answers", "staff", "audit"]) {
      await page.goto(`/admin/${path}`);
      await looksRight(page, `admin-${path.replace("/", "-")}`);
    }
    await page.goto("/admin/staff");
    await page.getByRole("link", { name: "Noé" }).click();
    await looksRight(page, "admin-person");
    await page.goto("/desk/account");
    await looksRight(page, "account");
    await page.getByRole("button", { name: "Ajouter les codes de mon téléphone" }).click();
    await expect(page.locator(".qr")).toBeVisible();
    await looksRight(page, "account-codes");
    await page.goto("/desk");
    await looksRight(page, "forbidden");
  });

  test("of the desk, from the first ring to the past", async ({ page, someone }) => {
    const desk = new Counsellor(page);
    await desk.logsIn("camille");
    await looksRight(page, "desk-empty");
    const young = await someone(phone);
    await young.goto("/chat");
    await young.getByLabel("13 ou 14 ans").check();
    await young.getByLabel("On me menace avec une photo ou une vidéo de moi").check();
    await young.locator(".begin-go button").click();
    await expect(page.locator("#line > li")).toHaveCount(1);
    await looksRight(page, "desk-waiting");
    await desk.becomes("available");
    await expect(desk.ring).toHaveCount(1);
    await looksRight(page, "desk-ringing");
    await desk.accepts();
    await desk.writes("Bonjour, je suis Camille. Tu as bien fait de venir. Qu'est-ce qui se passe ?");
    await young.locator("textarea[name=body]").fill("un gars me demande 200 euros sinon il envoie ma vidéo à tout le monde");
    await young.locator(".composer-send").click();
    await expect(desk.bubble("200 euros")).toBeVisible();
    await expect(page.locator("#panel .protocols > .protocol")).toBeVisible();
    await looksRight(page, "desk-one");
    await page.locator(".talk-acts details.menu > summary").click();
    await looksRight(page, "desk-menu");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+k");
    await looksRight(page, "desk-command");
    await page.keyboard.press("Escape");
    await unfolds(desk);
    await looksRight(page, "desk-form");
    const id = (await desk.talk.getAttribute("id"))!.replace("talk-", "");

    for (let n = 2; n <= 3; n += 1) {
      const child = await childWaits(someone);
      await desk.ring.locator("form[action$='/accept'] button").click();
      await expect(desk.talk).toHaveCount(n);
      await child.writes("coucou, il y a quelqu'un ?");
      await expect(desk.talk.nth(n - 1)).toContainText("coucou");
    }
    await looksRight(page, "desk-three");
    await page.locator(".talk-current .talk-acts details.menu > summary").click();
    await looksRight(page, "desk-three-menu");
    await page.keyboard.press("Escape");
    await desk.goesHome();
    await page.goto("/desk/history");
    await looksRight(page, "history");
    await page.goto(`/desk/history/${id}`);
    await looksRight(page, "history-contact");
  });
});
