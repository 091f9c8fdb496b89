// Evidence: a picture that a child handed over is kept, stamped by an outside authority, covered until somebody asks, and handed
// out in a form that plain tools check.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, expectAccessible, expectNoSideways, picture, test as base } from "./vigie";
import { act, logsIn, opensCase, talking } from "./staff";
import type { Page } from "@playwright/test";

/** An authority for time stamps made of OpenSSL: its root, and the folder that it works in. */
let authority = { root: "", folder: "", away: false };

const openssl = (folder: string, ...args: string[]): Buffer => execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });

const config = `[req]
distinguished_name = dn
[dn]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[stamps]
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = here
[here]
serial = serial
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
ess_cert_id_alg = sha256
ess_cert_id_chain = no
`;

const test = base.extend<{}, { settings: Record<string, string> }>({
  settings: [
    async ({}, use) => {
      const folder = mkdtempSync(join(tmpdir(), "vigie-stamps-"));
      writeFileSync(join(folder, "tsa.cnf"), config);
      writeFileSync(join(folder, "serial"), "01\n");
      const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "tsa.cnf"];
      openssl(folder, "req", "-x509", ...key, "-keyout", "root.key", "-out", "root.pem", "-subj", "/CN=Racine d'essai", "-extensions", "root", "-days", "30");
      openssl(folder, "req", ...key, "-keyout", "stamps.key", "-out", "stamps.csr", "-subj", "/CN=Horodatage d'essai");
      openssl(folder, "x509", "-req", "-in", "stamps.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-out", "stamps.pem", "-extfile", "tsa.cnf", "-extensions", "stamps", "-days", "30");
      authority = { root: join(folder, "root.pem"), folder, away: false };
      const server = createServer(async (request, response) => {
        const parts: Buffer[] = [];
        for await (const part of request) parts.push(part as Buffer);
        if (authority.away) {
          response.writeHead(503).end();
          return;
        }
        writeFileSync(join(folder, "question.tsq"), Buffer.concat(parts));
        openssl(folder, "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "question.tsq", "-signer", "stamps.pem", "-inkey", "stamps.key", "-chain", "root.pem", "-out", "answer.tsr");
        response.writeHead(200, { "Content-Type": "application/timestamp-reply" }).end(readFileSync(join(folder, "answer.tsr")));
      });
      await new Promise<void>((listens) => server.listen(0, "127.0.0.1", listens));
      await use({ VIGIE_STAMP_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, VIGIE_STAMP_ROOTS: authority.root });
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true });
    },
    { scope: "worker" },
  ],
});

async function screenshotOf(page: Page): Promise<Buffer> {
  const data = await page.evaluate(() => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [800, 600];
    const pen = canvas.getContext("2d")!;
    pen.fillStyle = "#f4f4f0";
    pen.fillRect(0, 0, 800, 600);
    for (let line = 0; line < 9; line++) {
      pen.fillStyle = line % 2 ? "#2060c0" : "#303030";
      pen.fillRect(line % 2 ? 300 : 40, 40 + line * 60, 180 + ((line * 137) % 260), 36);
    }
    return canvas.toDataURL("image/png");
  });
  return Buffer.from(data.split(",")[1]!, "base64");
}

test.describe("evidence", { tag: "@desk" }, () => {
  test("a picture is kept, stamped, covered until asked for, counted, and handed out to be checked", async ({ someone }) => {
    test.setTimeout(150_000);
    const { child, counsellor } = await talking(someone);
    const { page } = counsellor;
    await act(counsellor.talk, "proof", { what: "screenshot_messages" });
    const original = await screenshotOf(child.page);
    await child.page.getByLabel("Personne n'est nu sur ce fichier.").check();
    await child.page.getByLabel("Choisis un fichier").setInputFiles({ name: "capture.png", mimeType: "image/png", buffer: original });
    await child.page.getByRole("button", { name: "Envoyer ce fichier" }).click();
    await expect(counsellor.talk.getByRole("button", { name: "Voir, flouté et en gris" })).toBeVisible();
    await opensCase(counsellor);
    const evidence = page.getByRole("region", { name: "Preuves" });
    const keeps = async () => {
      await evidence.getByText("Garder un fichier reçu", { exact: true }).click();
      await evidence.locator("form:has(#evidence-proof)").getByRole("button", { name: "Garder" }).click();
    };

    await test.step("the authority is away: the item is kept all the same, and says that its stamp waits", async () => {
      authority.away = true;
      await keeps();
      await expect(evidence.getByText("Horodatage en attente")).toBeVisible();
      await expect(evidence.getByText("vous n'avez regardé aucune image dure")).toBeVisible();
      authority.away = false;
    });
    const shown = evidence.locator(".evidence-picture img");
    await test.step("it is covered, and uncovered by a key", async () => {
      await expect(shown).toHaveAttribute("alt", "Image recouverte, floutée");
      await expect.poll(() => shown.evaluate((img: HTMLImageElement) => img.complete && img.naturalWidth)).toBe(320);
      await expectAccessible(page);
      await expectNoSideways(page);
      await picture(page, "evidence-covered");
      await evidence.getByRole("button", { name: "Voir en gris" }).press("Enter");
      await expect(shown).toHaveAttribute("alt", "Image gardée comme preuve, en gris");
      await expect.poll(() => shown.evaluate((img: HTMLImageElement) => img.complete && img.naturalWidth)).toBe(800);
      await expect(evidence.getByRole("button", { name: "Recouvrir" })).toBeFocused();
      await expectAccessible(page);
      await picture(page, "evidence-shown");
    });
    await test.step("without the network it is covered too, and the seconds count when it is back", async () => {
      await page.waitForTimeout(2000);
      await page.context().setOffline(true);
      await page.keyboard.press("Escape");
      await expect(shown).toHaveCount(0);
      await expect(evidence.getByText("Recouverte.")).toBeVisible();
      await page.context().setOffline(false);
      await expect(shown).toHaveAttribute("alt", "Image recouverte, floutée", { timeout: 15_000 });
      await expect(evidence.getByText("pendant 1 minute")).toBeVisible();
    });
    await test.step("the look is in its custody, with its seconds, and the stamp has come", async () => {
      await expect(page.locator("#case-changed"), "the open page says so").toContainText("Ce dossier a changé", { timeout: 60_000 });
      await expect
        .poll(
          async () => {
            await page.reload();
            return evidence.getByText(/Horodatée le/).count();
          },
          { timeout: 60_000, intervals: [3000] },
        )
        .toBe(1);
      await evidence.getByText("Suivi de la preuve : 2 étapes").click();
      await expect(evidence.getByText(/Regardée\s: Camille, .*, \d+\ss/)).toBeVisible();
      await page.emulateMedia({ colorScheme: "dark" });
      await page.setViewportSize({ width: 320, height: 640 });
      await expectAccessible(page);
      await expectNoSideways(page);
      await picture(page, "evidence-small-dark");
      await page.emulateMedia({ colorScheme: "light" });
      await page.setViewportSize({ width: 1440, height: 900 });
    });
    await test.step("the export is checked with unzip, sha256sum and openssl", async () => {
      await evidence.getByText("Exporter les preuves", { exact: true }).click();
      await evidence.getByLabel("Pour qui ?").selectOption("police");
      const [download] = await Promise.all([page.waitForEvent("download"), evidence.getByRole("button", { name: "Télécharger l'export" }).click()]);
      const folder = mkdtempSync(join(tmpdir(), "vigie-export-"));
      await download.saveAs(join(folder, "export.zip"));
      execFileSync("unzip", ["-q", "export.zip"], { cwd: folder });
      execFileSync("sha256sum", ["--quiet", "-c", "SHA256SUMS"], { cwd: folder });
      const believed = ["-CAfile", authority.root, "-untrusted", "authority/chain.pem"];
      openssl(folder, "ts", "-verify", "-data", "manifest.json", "-in", "stamps/manifest.tsr", ...believed);
      const stamp = readdirSync(join(folder, "stamps")).find((name) => /^0001-.*\.tsr$/.test(name))!;
      writeFileSync(join(folder, "sent.png"), original);
      openssl(folder, "ts", "-verify", "-data", "sent.png", "-in", `stamps/${stamp}`, ...believed);
      rmSync(folder, { recursive: true });
    });
    await test.step("looks in a conversation count too, and after too many a break is proposed", async () => {
      const alix = await someone();
      await logsIn(alix, "alix");
      await alix.goto("/admin/catalogue/lines");
      const text = alix.locator("textarea[name=text]");
      await text.fill((await text.inputValue()).replace('hard_most = "20m"', 'hard_most = "1s"'));
      await alix.getByRole("button", { name: "Publier" }).click();
      await expect(alix.getByText("C'est publié.")).toBeVisible();
      await page.goto("/desk");
      const proof = counsellor.talk.locator(".bubble-proof");
      await proof.getByRole("button", { name: "Voir, flouté et en gris" }).click();
      await proof.getByRole("button", { name: "Enlever le flou" }).click();
      await expect(proof.getByRole("button", { name: "Recouvrir" })).toBeFocused();
      await expectAccessible(page);
      await picture(page, "evidence-talk-shown");
      await page.keyboard.press("Escape");
      await expect(proof).toContainText("Déjà regardé. Recouvert.");
      await expect(proof.locator("img")).toHaveCount(0);
      await expect(proof).toContainText("C'est beaucoup pour une journée");
      await expectAccessible(page);
      await picture(page, "evidence-talk-break");
    });
    await test.step("a supervisor reads that a pause is proposed, and no minutes", async () => {
      const dominique = await someone();
      await logsIn(dominique, "dominique");
      await dominique.goto("/desk/floor");
      const seat = dominique.locator(".floor-seat", { hasText: "Camille" });
      await expect(seat).toContainText("pause proposée");
      await expect(seat).not.toContainText("image");
      await expectAccessible(dominique);
      await picture(dominique, "evidence-floor");
    });
    await counsellor.goesHome();
  });
});
