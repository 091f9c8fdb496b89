// A picture that was taken down comes back in another child's conversation, smaller, compressed again and in a mirror: her
// counsellor learns that it is known, a supervisor looks at both and says that it is the same, and a new notice begins.
import { expect, expectAccessible, expectNoSideways, picture, test } from "./vigie";
import { act, logsIn, opensCase, talking } from "./staff";
import type { Child, Counsellor } from "./people";
import type { Locator, Page } from "@playwright/test";

test.use({ settings: { VIGIE_TAKEDOWN_APART: "1s" } });

interface Shot {
  name: string;
  mimeType: string;
  buffer: Buffer;
}

/** A scene of nobody — light, shade, things with edges, grain — drawn by the browser; and as it comes round again. */
async function scene(page: Page): Promise<{ original: Shot; copy: Shot }> {
  const [original, copy] = await page.evaluate(() => {
    let state = 3018;
    const chance = () => (state = (state * 48271) % 2147483647) / 2147483647;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [960, 720];
    const pen = canvas.getContext("2d")!;
    const sky = pen.createLinearGradient(0, 0, 300, 720);
    sky.addColorStop(0, "#1d3c58");
    sky.addColorStop(0.6, "#c98f5a");
    sky.addColorStop(1, "#20323a");
    pen.fillStyle = sky;
    pen.fillRect(0, 0, 960, 720);
    for (let thing = 0; thing < 60; thing++) {
      pen.fillStyle = `hsl(${chance() * 360} ${20 + chance() * 50}% ${15 + chance() * 70}%)`;
      pen.beginPath();
      pen.ellipse(chance() * 960, chance() * 720, 15 + chance() * 130, 15 + chance() * 90, chance() * 3, 0, 7);
      pen.fill();
    }
    const small = document.createElement("canvas");
    [small.width, small.height] = [560, 420];
    const again = small.getContext("2d")!;
    again.setTransform(-1, 0, 0, 1, 560, 0);
    again.drawImage(canvas, 0, 0, 560, 420);
    return [canvas.toDataURL("image/png"), small.toDataURL("image/jpeg", 0.6)];
  });
  const bytes = (url: string) => Buffer.from(url.split(",")[1]!, "base64");
  return { original: { name: "capture.png", mimeType: "image/png", buffer: bytes(original!) }, copy: { name: "recu.jpg", mimeType: "image/jpeg", buffer: bytes(copy!) } };
}

/** The child hands a picture over, and it is kept in a new file, with where it was seen. */
async function keeps(child: Child, counsellor: Counsellor, file: Shot, address: string): Promise<Locator> {
  const { page } = counsellor;
  await act(counsellor.talk, "proof", { what: "screenshot_messages" });
  await child.page.getByLabel("Personne n'est nu sur ce fichier.").check();
  await child.page.getByLabel("Choisis un fichier").setInputFiles(file);
  await child.page.getByRole("button", { name: "Envoyer ce fichier" }).click();
  await expect(counsellor.talk.getByRole("button", { name: "Voir, flouté et en gris" })).toBeVisible();
  await opensCase(counsellor);
  const evidence = page.getByRole("region", { name: "Preuves" });
  await evidence.getByText("Garder un fichier reçu", { exact: true }).click();
  await evidence.getByLabel("Où cette image a été vue").fill(address);
  await evidence.locator("form:has(#evidence-proof)").getByRole("button", { name: "Garder" }).click();
  await expect(evidence.getByRole("heading", { name: "Fichier n° 1" })).toBeVisible();
  await expect
    .poll(
      async () => {
        await page.reload();
        return evidence.getByText("Si cette image revient ailleurs, elle sera reconnue.").count();
      },
      { timeout: 60_000, intervals: [1000] },
    )
    .toBe(1);
  return evidence;
}

/** Looks at a page on a small phone in the dark, and comes back to the desk. */
async function smallAndDark(page: Page, name: string): Promise<void> {
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 320, height: 640 });
  await expectAccessible(page);
  await expectNoSideways(page);
  await picture(page, `${name}-small-dark`);
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1440, height: 900 });
}

test.describe("a picture that comes back", { tag: "@desk" }, () => {
  test("known in another file, compared by a supervisor, and reported again", async ({ someone }) => {
    test.setTimeout(240_000);
    const first = await talking(someone, "camille");
    const { original, copy } = await scene(first.child.page);
    const before = "https://www.instagram.com/p/Cabc123/";
    const elsewhere = "https://www.tiktok.com/@dark/video/7300000000000000000";

    await test.step("the first time: kept, reported, and gone", async () => {
      const { page } = first.counsellor;
      await keeps(first.child, first.counsellor, original, before);
      await expect(page.getByText("Images déjà vues")).toHaveCount(0);
      const section = page.getByRole("region", { name: "Faire retirer un contenu" });
      await section.getByText("Préparer une notification", { exact: true }).click();
      await section.getByLabel("Le lien, ou plusieurs").fill(before);
      await section.getByLabel("Motif").selectOption({ label: "Harcèlement en ligne" });
      await section.getByLabel("Ce qu'on y voit").fill("Un montage moqueur d'une personne mineure.");
      await section.getByRole("button", { name: "Préparer", exact: true }).click();
      await page.getByRole("button", { name: "L'enfant a dit oui" }).click();
      await page.getByRole("button", { name: "Donner le feu vert" }).click();
      await page.getByLabel("Référence donnée par le réseau").fill("IG-4711");
      await page.getByRole("button", { name: "C'est envoyé" }).click();
      await expect(page.getByText(/^Référence.: IG-4711$/)).toBeVisible();
      await expect(async () => {
        await page.getByRole("button", { name: "J'ai regardé : c'est parti" }).click();
        await expect(page.getByText("Disparu, vu deux fois").first()).toBeVisible({ timeout: 1_500 });
      }).toPass();
    });
    const second = await (async () => {
      await first.counsellor.page.goto("/desk");
      await first.counsellor.becomes("away");
      return talking(someone, "noe");
    })();
    const { page } = second.counsellor;
    let file = "";
    await test.step("another child, another counsellor: the picture is known, and nothing of the other file is told", async () => {
      const evidence = await keeps(second.child, second.counsellor, copy, elsewhere);
      file = new URL(page.url()).pathname;
      await expect
        .poll(
          async () => {
            await page.reload();
            return evidence.getByText(/est connue dans un autre dossier/).count();
          },
          { timeout: 60_000, intervals: [1000] },
        )
        .toBe(1);
      await expect(evidence.getByText("Votre responsable peut comparer les deux images")).toBeVisible();
      await expect(evidence.locator("a[href*='/matches/']")).toHaveCount(0);
      await expect(page.locator("main")).not.toContainText("instagram");
      await expectAccessible(page);
      await expectNoSideways(page);
      await picture(page, "match-elsewhere");
      await smallAndDark(page, "match-elsewhere");
    });
    const dominique = await someone();
    await test.step("the supervisor finds it among the pictures seen again", async () => {
      await logsIn(dominique, "dominique");
      await expect(dominique).toHaveURL(/\/desk$/);
      await dominique.goto("/desk/cases");
      await expect(dominique.getByText("1 à comparer")).toBeVisible();
      await picture(dominique, "match-cases");
      await dominique.getByRole("link", { name: "Images revues" }).click();
      await expect(dominique.getByRole("heading", { level: 1 })).toHaveText("Images revues");
      await expectAccessible(dominique);
      await expectNoSideways(dominique);
      await picture(dominique, "match-list");
      await smallAndDark(dominique, "match-list");
      await dominique.locator("a[href*='/matches/']").click();
      await expect(dominique.getByRole("heading", { level: 1 })).toHaveText("Comparer deux images");
    });
    await test.step("both are covered until she asks; what became of the first stands beside", async () => {
      await expect(dominique.getByText(/en miroir \(écart de \d+ sur 256\)/)).toBeVisible();
      const shown = dominique.locator(".evidence-picture img");
      await expect(shown).toHaveCount(2);
      for (const img of await shown.all()) {
        await expect(img).toHaveAttribute("alt", "Image recouverte, floutée");
        await expect.poll(() => img.evaluate((i: HTMLImageElement) => i.complete && i.naturalWidth)).toBe(320);
      }
      await expect(dominique.getByText(/envoyée le .*, disparue le/)).toBeVisible();
      await expectAccessible(dominique);
      await expectNoSideways(dominique);
      await picture(dominique, "match-covered");
      await smallAndDark(dominique, "match-covered");
      for (const side of ["Gardée en premier", "Gardée ensuite"]) {
        await dominique.getByRole("region", { name: side }).getByRole("button", { name: "Voir en gris" }).press("Enter");
        await expect(dominique.getByRole("region", { name: side }).getByRole("button", { name: "Recouvrir" })).toBeFocused();
      }
      await expect(dominique.locator(".evidence-picture img[alt='Image gardée comme preuve, en gris']")).toHaveCount(2);
      await expect.poll(() => shown.last().evaluate((i: HTMLImageElement) => i.complete && i.naturalWidth)).toBeGreaterThan(320);
      await expectAccessible(dominique);
      await picture(dominique, "match-uncovered");
    });
    await test.step("she says that it is the same, and a new notice begins in the file of the child to whom it came back", async () => {
      await dominique.getByRole("button", { name: "C'est la même image" }).press("Enter");
      await expect(dominique.getByText(/La même image\s: Dominique/)).toBeVisible();
      await expect(dominique.getByRole("button", { name: "C'est la même image" })).toHaveCount(0);
      await expect(dominique.getByLabel("Le lien, ou plusieurs")).toHaveValue(elsewhere);
      await expect(dominique.getByLabel("Ce qu'on y voit")).toHaveValue("Un montage moqueur d'une personne mineure.");
      await expectAccessible(dominique);
      await expectNoSideways(dominique);
      await picture(dominique, "match-same");
      await smallAndDark(dominique, "match-same");
      await dominique.getByRole("button", { name: "Préparer une notification" }).click();
      await expect(dominique.getByRole("heading", { level: 1 })).toHaveText("TikTok, notification n° 1");
      await expect(dominique).toHaveURL(new RegExp(`${file}/notices/`));
      await dominique.goto("/desk/matches");
      await expect(dominique.getByText("Aucune image à comparer")).toBeVisible();
    });
    await test.step("both files tell of it, and both looks are in the custody", async () => {
      await page.reload();
      await expect(page.getByText(/Deux images comparées\s: la même/)).toBeVisible();
      await expect(page.getByText("TikTok, notification n° 1")).toBeVisible();
      const evidence = page.getByRole("region", { name: "Preuves" });
      await evidence.getByText(/^Suivi de la preuve/).first().click();
      await expect(evidence.getByText(/Regardée\s: Dominique/)).toBeVisible();
    });
    await page.goto("/desk");
    await second.counsellor.goesHome();
  });
});
