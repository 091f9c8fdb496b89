// A proof: asked for by name, warned about, sealed when it comes, looked at only by those who ask, and closed
// for ever by one key.
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, expectAccessible, picture, test } from "./vigie";
import type { Child, Counsellor } from "./people";
import { act, contactOf, logsIn, talking } from "./staff";
import type { Page } from "@playwright/test";

/** A picture that a phone may well send: 800 × 600, in colour, with a hard edge in the middle. */
async function pictureFile(page: Page): Promise<Buffer> {
  const data = await page.evaluate(() => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [800, 600];
    const pen = canvas.getContext("2d")!;
    pen.fillStyle = "#c02020";
    pen.fillRect(0, 0, 400, 600);
    pen.fillStyle = "#20c040";
    pen.fillRect(400, 0, 400, 600);
    return canvas.toDataURL("image/png");
  });
  return Buffer.from(data.split(",")[1]!, "base64");
}

/** How wide a picture shown on a page is, whether it has colour, and how many columns its edge is spread over. */
function look(page: Page, selector: string): Promise<{ width: number; colour: number; edge: number }> {
  return page.locator(selector).evaluate(async (img: HTMLImageElement) => {
    await img.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [img.naturalWidth, img.naturalHeight];
    const pen = canvas.getContext("2d")!;
    pen.drawImage(img, 0, 0);
    const row = pen.getImageData(0, Math.floor(canvas.height / 2), canvas.width, 1).data;
    let colour = 0;
    const grey: number[] = [];
    for (let at = 0; at < row.length; at += 4) {
      colour = Math.max(colour, Math.abs(row[at]! - row[at + 1]!), Math.abs(row[at + 1]! - row[at + 2]!));
      grey.push(row[at]!);
    }
    const [from, to] = [grey[4]!, grey[grey.length - 5]!];
    const edge = grey.filter((g) => Math.abs(g - from) > 6 && Math.abs(g - to) > 6).length;
    return { width: img.naturalWidth, colour, edge };
  });
}

const ask = (counsellor: Counsellor) => act(counsellor.talk, "proof", { what: "screenshot_messages" });

async function sends(child: Child, file: { name: string; mimeType: string; buffer: Buffer }): Promise<void> {
  await child.page.getByLabel("Personne n'est nu sur ce fichier.").check();
  const field = child.page.getByLabel("Choisis un fichier");
  if (file.buffer.length > 1 << 20) {
    // What is large goes by the disk: through the browser's own pipe it would take half a minute.
    const path = join(mkdtempSync(join(tmpdir(), "vigie-file-")), file.name);
    writeFileSync(path, file.buffer);
    await field.setInputFiles(path);
  } else {
    await field.setInputFiles(file);
  }
  await child.page.getByRole("button", { name: "Envoyer ce fichier" }).click();
}

test.describe("proofs", { tag: "@desk" }, () => {
  test("a proof from the question to the key that closes it for ever", async ({ someone }) => {
    const { child, counsellor } = await talking(someone);
    const desk = counsellor.page;
    await expect(child.page.locator("input[type=file]"), "without being asked there is no way to send").toHaveCount(0);

    await ask(counsellor);
    await expect(child.page.getByRole("heading", { name: "Envoyer : une capture des messages" })).toBeVisible();
    await expect(child.page.locator("#talk-proof .notice")).toContainText("N'envoie jamais une image où quelqu'un est nu, même toi, même floutée. On n'en a pas besoin.");
    await expect(counsellor.talk).toContainText("Une preuve est demandée : une capture des messages");

    await test.step("one proof at a time", async () => {
      await ask(counsellor);
      await expect(counsellor.talk.locator("[data-quick-fault]")).toContainText("Une preuve est déjà demandée.");
      await desk.keyboard.press("Escape");
    });

    await test.step("she cannot send before she has ticked", async () => {
      await child.page.getByLabel("Choisis un fichier").setInputFiles({ name: "capture.png", mimeType: "image/png", buffer: await pictureFile(child.page) });
      await child.page.getByRole("button", { name: "Envoyer ce fichier" }).click();
      await expect(child.page.getByLabel("Personne n'est nu sur ce fichier.")).toHaveJSProperty("validity.valueMissing", true);
      await expect(counsellor.talk.locator(".bubble-proof")).toHaveCount(0);
    });

    await sends(child, { name: "capture-prénom-nom.png", mimeType: "image/png", buffer: await pictureFile(child.page) });
    const proof = counsellor.talk.locator(".bubble-proof");
    await expect(proof).toContainText("Capture des messages");
    await expect(proof).toContainText("Reçu, scellé. Personne ne l'a ouvert.");
    await expect(proof).not.toContainText("prénom");
    await expect(proof.locator("img"), "no preview until it is asked for").toHaveCount(0);
    await expect(child.page.locator(".bubble-proof")).toContainText("Bien arrivé, et gardé sous clé.");
    await expect(child.page.locator("input[type=file]"), "the way is closed again").toHaveCount(0);

    await test.step("covered at first: small, grey and blurred", async () => {
      await proof.getByRole("button", { name: "Voir, flouté et en gris" }).click();
      await expect(proof).toContainText("Aperçu flouté, en gris");
      const covered = await look(desk, ".bubble-proof img");
      expect(covered.width).toBeLessThanOrEqual(480);
      expect(covered.colour, "grey").toBeLessThanOrEqual(2);
      expect(covered.edge, "blurred").toBeGreaterThan(10);
    });

    await test.step("uncovered only when asked again: still small and grey", async () => {
      await proof.getByRole("button", { name: "Enlever le flou" }).click();
      await expect(proof).toContainText("Aperçu en gris");
      const shown = await look(desk, ".bubble-proof img");
      expect(shown.colour).toBeLessThanOrEqual(2);
      expect(shown.edge, "sharp").toBeLessThanOrEqual(10);
    });

    await test.step("a reload covers it again, and says that it was looked at", async () => {
      await desk.reload();
      await expect(proof).toContainText("Déjà regardé. Recouvert.");
      await expect(proof.locator("img")).toHaveCount(0);
    });

    await test.step("possibly illegal: nobody opens it any more, neither she nor a supervisor", async () => {
      await proof.getByRole("button", { name: "Voir, flouté et en gris" }).click();
      const address = (await proof.locator("img").getAttribute("src"))!;
      expect((await desk.request.get(address)).status()).toBe(200);
      await proof.getByRole("button", { name: "Peut-être illégal" }).click();
      await expect(proof).toContainText("Fermé : peut-être illégal. Plus personne ne l'ouvre.");
      await expect(proof.locator("img, button")).toHaveCount(0);
      expect((await desk.request.get(address)).status()).toBe(410);
      const supervisor = await someone();
      await supervisor.goto("/desk/login");
      await supervisor.request.post("/desk/login", { form: { login: "dominique", password: "lampe sur la mer" } });
      expect((await supervisor.request.get(address)).status()).toBe(410);
      expect((await supervisor.request.get(address.replace("=covered", "=uncovered"))).status()).toBe(410);
      await desk.reload();
      await expect(proof).toContainText("Fermé : peut-être illégal.");
      await expect(proof.locator("img, button")).toHaveCount(0);
    });
    await counsellor.goesHome();
  });

  test("a file marked possibly illegal goes to an authority by two people, closed under its key", async ({ page, someone }) => {
    const { child, counsellor } = await talking(someone);
    await ask(counsellor);
    await sends(child, { name: "photo.png", mimeType: "image/png", buffer: await pictureFile(child.page) });
    await counsellor.talk.locator(".bubble-proof").getByRole("button", { name: "Peut-être illégal" }).click();
    await expect(counsellor.talk.locator(".bubble-proof")).toContainText("Plus personne ne l'ouvre.");

    const second = await someone();
    await logsIn(page, "dominique");
    await logsIn(second, "morgane");
    await page.goto("/desk/held");
    await expect(page.locator(".notes img")).toHaveCount(0);
    const files = await page.locator(".notes").count(); // other journeys may have left some
    const mine = page.locator(".notes").last();
    const theirs = second.locator(".notes").last();
    await mine.getByText("Préparer la remise").click();
    await mine.getByLabel("Numéro de la demande").fill("PV 2026/1234");
    await mine.getByLabel("Clé publique de l'autorité").fill("age1");
    await mine.getByRole("button", { name: "Demander l'accord" }).click();
    await expect(mine.getByRole("alert")).toContainText("pas une clé publique");
    await expect(mine.getByLabel("Numéro de la demande"), "nothing typed is lost").toHaveValue("PV 2026/1234");
    // A key whose other half nobody has: what is downloaded is opened in Go's tests.
    await mine.getByLabel("Clé publique de l'autorité").fill("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p");
    await mine.getByRole("button", { name: "Demander l'accord" }).click();
    await expect(mine.getByText("Une autre personne doit confirmer.")).toBeVisible();

    await second.goto("/desk/held");
    await expect(theirs.getByText("PV 2026/1234")).toBeVisible();
    await picture(second, "held");
    await expectAccessible(second);
    await theirs.getByRole("button", { name: "Donner mon accord" }).click();
    const [download] = await Promise.all([second.waitForEvent("download"), theirs.getByRole("link", { name: "Télécharger le fichier scellé" }).click()]);
    const sealed = readFileSync(await download.path());
    expect(sealed.subarray(0, 21).toString()).toBe("age-encryption.org/v1");
    expect(sealed.includes("PNG"), "not in clear").toBe(false);
    await picture(second, "held-agreed");

    await theirs.getByRole("button", { name: "Détruire" }).click();
    await page.reload();
    await mine.getByRole("button", { name: "Confirmer la destruction" }).click();
    await expect(page.locator(".notes")).toHaveCount(files - 1);
    await counsellor.goesHome();
  });

  test("what cannot be taken gets its sentence, is not kept, and leaves the way open", async ({ someone }) => {
    const { child, counsellor } = await talking(someone);
    const status = child.page.locator("[data-file-status]");
    const page = Buffer.from("<!doctype html><script>alert(1)</script>");
    await ask(counsellor);
    await expect(status).toHaveCount(1);

    await test.step("a page that calls itself a picture", async () => {
      await sends(child, { name: "photo.png", mimeType: "image/png", buffer: page });
      await expect(status).toContainText("On ne peut pas prendre ce genre de fichier.");
    });
    await test.step("an empty file", async () => {
      await sends(child, { name: "photo.png", mimeType: "image/png", buffer: Buffer.alloc(0) });
      await expect(status).toContainText("Le fichier est vide.");
    });
    await test.step("a file too large, told before a byte is sent, and refused to who sends it all the same", async () => {
      const large = Buffer.concat([await pictureFile(child.page), Buffer.alloc(26 << 20)]);
      await sends(child, { name: "film.png", mimeType: "image/png", buffer: large });
      await expect(status).toContainText("Ce fichier est trop lourd.");
      const action = (await child.page.locator(".proof-form").getAttribute("action"))!;
      const answer = await child.page.request.post(action, {
        headers: { "Vigie-Script": "1" },
        multipart: { sure: "yes", file: { name: "film.png", mimeType: "image/png", buffer: large } },
      });
      expect(answer.status()).toBe(413);
      expect(await answer.text()).toContain("trop gros");
    });
    await test.step("a file without the promise", async () => {
      const action = (await child.page.locator(".proof-form").getAttribute("action"))!;
      const answer = await child.page.request.post(action, {
        headers: { "Vigie-Script": "1" },
        multipart: { file: { name: "photo.png", mimeType: "image/png", buffer: await pictureFile(child.page) } },
      });
      expect(answer.status()).toBe(422);
      expect(await answer.text()).toContain("coche la phrase");
    });
    await expect(counsellor.talk.locator(".bubble-proof"), "nothing of it arrived").toHaveCount(0);

    await test.step("the next file is welcome; the same sent twice is there once", async () => {
      const action = (await child.page.locator(".proof-form").getAttribute("action"))!;
      const file = { name: "photo.png", mimeType: "image/png", buffer: await pictureFile(child.page) };
      await sends(child, file);
      await expect(counsellor.talk.locator(".bubble-proof")).toHaveCount(1);
      const send = (what: typeof file) => child.page.request.post(action, { headers: { "Vigie-Script": "1" }, multipart: { sure: "yes", file: what } });
      expect((await send(file)).status(), "the answer was lost, and she sends it again").toBe(200);
      const another = await send({ ...file, buffer: Buffer.concat([file.buffer, Buffer.alloc(1)]) });
      expect(another.status()).toBe(410);
      expect(await another.text()).toContain("Il n'y a pas de fichier à envoyer en ce moment.");
      await expect(counsellor.talk.locator(".bubble-proof")).toHaveCount(1);
      await expect(child.page.locator(".bubble-proof")).toHaveCount(1);
    });
    await counsellor.goesHome();
  });

  test("a picture that cannot be opened says so in words", async ({ someone }) => {
    const { child, counsellor } = await talking(someone);
    await ask(counsellor);
    await expect(child.page.getByLabel("Choisis un fichier")).toHaveAttribute("accept", "image/*");
    await sends(child, { name: "photo.jpg", mimeType: "image/jpeg", buffer: Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 0, 0, 0]) });
    const proof = counsellor.talk.locator(".bubble-proof");
    await proof.getByRole("button", { name: "Voir, flouté et en gris" }).click();
    await expect(proof).toContainText("Cette image ne peut pas être montrée");
    await expect(proof.locator("img")).toHaveCount(0);
    await counsellor.goesHome();
  });

  test("a counsellor takes her question back, and the way closes on the child's phone", async ({ someone }) => {
    const { child, counsellor } = await talking(someone);
    await ask(counsellor);
    await expect(child.page.getByLabel("Choisis un fichier")).toBeVisible();
    await act(counsellor.talk, "proof/close");
    await expect(child.page.getByLabel("Choisis un fichier")).toHaveCount(0);
    const id = await contactOf(counsellor.talk);
    const answer = await child.page.request.post(`/chat/file/${id}`, {
      headers: { "Vigie-Script": "1" },
      multipart: { sure: "yes", file: { name: "photo.png", mimeType: "image/png", buffer: await pictureFile(child.page) } },
    });
    expect(answer.status(), "an address that was never asked for").toBe(404);
    await ask(counsellor);
    await expect(child.page.getByLabel("Choisis un fichier")).toBeVisible();
    await counsellor.goesHome();
  });
});
