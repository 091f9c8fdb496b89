// The softphone as it is seen and handled: without a mouse, on a small screen, at night, without a microphone.
import { baresipIsMissing, expect, hears, hearsMusic, PhoneDesk, someoneWithHeadset, test, type Telephone } from "./calls";
import { expectAccessible, expectNoSideways, picture } from "./vigie";
import { Counsellor } from "./people";
import { childWaits } from "./staff";
import type { BrowserContextOptions } from "@playwright/test";

test.use({ wholeBrowser: true });

const small: BrowserContextOptions = { viewport: { width: 320, height: 640 } };
const night: BrowserContextOptions = { colorScheme: "dark" };

test("a whole call with the keyboard only", { tag: "@desk" }, async ({ desk, rings }) => {
  test.setTimeout(120_000);
  const camille = await desk("camille");
  const { page } = camille;
  const caller = await rings();
  await expect(camille.ring).toHaveCount(1);
  await page.keyboard.press("Alt+a");
  await camille.is("talking");
  await hears(caller, "camille");

  await test.step("her microphone is off and on", async () => {
    await page.keyboard.press("Alt+m");
    await expect(camille.phone.getByRole("status")).toContainText("Votre micro est coupé");
    await hears(caller);
    await page.keyboard.press("Alt+m");
    await hears(caller, "camille");
  });

  await test.step("the caller waits and is taken back, with one and the same key", async () => {
    await page.keyboard.press("Alt+h");
    await camille.is("hold");
    await hearsMusic(caller);
    await page.keyboard.press("Alt+h");
    await camille.is("talking");
    await hears(caller, "camille");
  });

  await test.step("keys are pressed, and typed", async () => {
    await camille.command("clavier");
    await expect(camille.phone.locator(".phone-keypad > summary")).toBeFocused();
    for (const key of ["1", "9", "#"]) await page.keyboard.press(key);
    await expect(camille.phone.locator("[data-phone-dialled]")).toHaveText("19#");
    for (const key of ["1", "9", "#"]) await caller.tells(`digit ${key}`);
    await page.keyboard.press("Escape");
    await expect(camille.phone.locator(".phone-keypad")).not.toHaveAttribute("open", "");
  });

  await test.step("the command bar ends it", async () => {
    await camille.command("raccrocher");
    await caller.isHungUp();
    await camille.is("none");
    await expect(camille.talk).toContainText("L'appel est terminé.");
  });
  await camille.goesHome();
});

test("of a telephone that called before her counsellor reads when, and its number nowhere", { tag: "@desk" }, async ({ desk, rings }) => {
  test.setTimeout(120_000);
  const from = "+33639980142";
  const camille = await desk("camille");
  const known = camille.page.getByRole("region", { name: "Ce téléphone nous a déjà appelés" });
  for (const before of [0, 1]) {
    const caller = await rings({ from });
    await camille.accepts();
    await camille.is("talking");
    await hears(caller, "camille");
    await expect(known).toHaveCount(before);
    if (before > 0) {
      await expect(known.getByRole("listitem")).toHaveText([/Camille$/]);
      await expect(known).toContainText("un téléphone sert souvent à toute une famille");
      expect(await camille.page.content()).not.toContain("39980142");
      await picture(camille.page, "phone-known");
      await expectAccessible(camille.page, "#panel");
    }
    await camille.presses("Raccrocher");
    await caller.isHungUp();
    await camille.goesHome();
    await expect(camille.talk).toHaveCount(0);
    await camille.becomes("available");
  }
  await camille.goesHome();
});

test("a caller who says nothing is asked to press keys, and the counsellor reads them", { tag: "@desk" }, async ({ desk, rings }) => {
  test.setTimeout(120_000);
  const camille = await desk("camille");
  const caller = await rings({ keys: "700ms:5,20s:1,22s:2", says: null });
  await camille.accepts();
  await camille.is("talking");
  await hears(caller, "camille");
  await camille.phone.locator(".phone-silence > summary").click();
  await picture(camille.page, "phone-silence");
  await expectAccessible(camille.page, "soft-phone");
  await camille.presses("Proposer : 1 pour oui, 2 pour non");
  await expect.poll(async () => loud(await caller.heard(1)), { message: "the caller hears a voice besides hers", timeout: 10_000 }).toBe(true);
  await expect.poll(async () => loud(await camille.heard(1)), { message: "and so does she", timeout: 10_000 }).toBe(true);
  await expect(camille.call).toContainText("A appuyé : 1 (oui), 2 (non)", { timeout: 30_000 });
  await picture(camille.page, "phone-pressed");
  await caller.hangsUp();
  await camille.is("none");
  await camille.goesHome();
});

/** Whether something is heard that is no steady tone: a voice, whose loudness comes and goes. */
function loud(samples: Float32Array): boolean {
  const pieces: number[] = [];
  for (let from = 0; from + 400 <= samples.length; from += 400) {
    pieces.push(Math.sqrt(samples.subarray(from, from + 400).reduce((sum, s) => sum + s * s, 0) / 400));
  }
  return pieces.length > 4 && Math.max(...pieces) - Math.min(...pieces) > 0.02;
}

test.describe("each state, wide, small and at night", { tag: "@desk" }, () => {
  test.skip(baresipIsMissing && !process.env.VIGIE_FORBID_SKIPS, "not run without an outside telephone (apt-get install baresip)");

  for (const [name, look] of [["wide", {}], ["small", small], ["night", night], ["small-night", { ...small, ...night }]] as const) {
    test(name, async ({ desk, rings, outside }) => {
      test.setTimeout(150_000);
      const camille = await desk("camille", look);
      const { page } = camille;
      const looksRight = async (state: string) => {
        await picture(page, `phone-${state}-${name}`);
        await expectNoSideways(page);
        await expectAccessible(page);
      };
      await looksRight("none");
      const caller = await rings({ from: "+33639980130" });
      await camille.is("ringing");
      await looksRight("ringing");
      await camille.accepts();
      await camille.is("talking");
      await hears(caller, "camille");
      await looksRight("talking");
      await camille.phone.locator(".phone-keypad > summary").click();
      await looksRight("keypad");
      await page.keyboard.press("Escape");
      await camille.phone.locator("[data-phone-mute]").click();
      await looksRight("muted");
      await camille.phone.locator("[data-phone-mute]").click();
      await camille.presses("Faire patienter");
      await camille.is("hold");
      await looksRight("hold");
      await camille.presses("Reprendre");
      await camille.is("talking");
      const noe = await desk("noe");
      await camille.phone.locator(".phone-transfer > summary").click();
      await looksRight("transfer");
      await page.keyboard.press("Escape");
      await camille.passesTo("Noé", "Annoncer d'abord");
      await camille.is("intro");
      await looksRight("intro-rings");
      await noe.accepts();
      await expect(camille.call).toContainText("Vous parlez avec Noé.");
      await looksRight("intro");
      await camille.presses("Parler à trois");
      await camille.is("conference");
      await hears(caller, "camille", "noe");
      await looksRight("conference");
      await camille.presses("Les laisser parler");
      await camille.is("none");
      await hears(caller, "noe");
      await outside("119");
      await noe.passesTo(/119/, "Parler à trois");
      await noe.is("conference");
      await hears(caller, "noe", "outside");
      await noe.presses("Les laisser parler");
      await noe.is("none");
      await hears(caller, "outside");
      await expect(noe.talk).toContainText("L'appel est terminé.");
      await picture(noe.page, `phone-left-alone-${name}`);
      await caller.hangsUp();
      await noe.goesHome();
      await camille.goesHome();
    });
  }
});

test.describe("without a microphone", { tag: "@desk" }, () => {
  test("who refuses it reads what to do, and is given chats, no calls", async ({ someone, rings }) => {
    const page = await someoneWithHeadset(someone, 0, { permissions: [] });
    // Chromium without anybody to ask refuses by itself.
    await page.context().addInitScript(() => {
      if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("refused", "NotAllowedError"));
    });
    await hasNoCalls(new PhoneDesk(page, "camille"), rings, /Le micro est refusé à cette page/, someone);
  });

  test("who has none reads so", async ({ someone, rings }) => {
    const page = await someoneWithHeadset(someone, 0);
    await page.context().addInitScript(() => {
      if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("none", "NotFoundError"));
    });
    await hasNoCalls(new PhoneDesk(page, "camille"), rings, /Aucun micro n'est branché/, someone);
  });

  test("a browser's own microphone is tried with a call to oneself", async ({ someone }) => {
    const page = await someoneWithHeadset(someone, 0);
    const desk = new PhoneDesk(page, "camille");
    await desk.logsIn("camille");
    await desk.phone.locator(".phone-sound > summary").click();
    await desk.presses("Essayer mon casque");
    await expect(desk.phone.getByRole("status")).toContainText("Parlez : vous devez vous entendre une seconde plus tard.");
    await expect.poll(async () => loud(await desk.heard(2)), { timeout: 20_000 }).toBe(true);
    await expectAccessible(page, "soft-phone");
    await picture(page, "phone-test");
    await desk.presses("Essayer mon casque");
    await expect(desk.phone.getByRole("status")).toContainText("Essai terminé.");
  });
});

async function hasNoCalls(desk: PhoneDesk, rings: () => Promise<Telephone>, words: RegExp, someone: Parameters<typeof childWaits>[0]): Promise<void> {
  await desk.logsIn("camille");
  await desk.phone.locator("[data-phone-take]").click();
  await expect(desk.phone.getByRole("status")).toContainText(words);
  await expect(desk.phone.locator("[data-phone-take]")).toHaveAttribute("aria-pressed", "false");
  await picture(desk.page, `phone-no-microphone-${/refusé/.test(words.source) ? "refused" : "none"}`);
  await expectAccessible(desk.page, "soft-phone");
  await desk.becomes("available");
  const caller = await rings();
  await expect(desk.page.locator("#line > li")).toHaveCount(1);
  const child = await childWaits(someone);
  await expect(desk.ring, "the chat rings, though the call came first").toHaveCount(1);
  await new Counsellor(desk.page).accepts();
  await child.isWith("Camille");
  await hearsMusic(caller);
  await child.saysGoodbye();
  await caller.hangsUp();
  await desk.goesHome();
}
