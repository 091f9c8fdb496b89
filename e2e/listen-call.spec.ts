// Double écoute of a call: a telephone, a counsellor's Chromium and a supervisor's, each with a tone of its own. In every
// mode it is measured who hears whom, and what the caller heard is searched for the supervisor's tone from before she came
// until she joined, the changes of mode included.
import { expect, hears, loudest, PhoneDesk, someoneWithHeadset, test, voices } from "./calls";
import { expectAccessible, expectNoSideways, picture } from "./vigie";
import { contactOf } from "./staff";

test("listened to in silence, whispered to, joined, taken over and given back; a colleague listens beside", { tag: "@desk" }, async ({ someone, desk, rings }) => {
  test.setTimeout(240_000);
  const camille = await desk("camille");
  const caller = await rings({ from: "+33639980131" });
  await camille.accepts();
  await camille.is("talking");
  await hears(caller, "camille");
  const id = await contactOf(camille.talk);

  const dominique = new PhoneDesk(await someoneWithHeadset(someone, voices.dominique), "dominique");
  await dominique.logsIn("dominique");
  const quiet = Date.now();
  const took: Record<string, number> = {};
  const timed = async (what: string, press: () => Promise<void>, then: () => Promise<void>) => {
    const began = Date.now();
    await press();
    await then();
    took[what] = Date.now() - began;
  };
  const mode = (words: string) => dominique.page.locator(".listen-modes").getByRole("button", { name: words }).click();

  await test.step("she listens: nobody hears her, and the counsellor reads that she does", async () => {
    await dominique.page.goto(`/desk/listen/${id}`);
    await dominique.page.getByLabel("sécurité").check();
    await timed("listen", () => dominique.page.getByRole("button", { name: "Écouter l'appel" }).click(), () => hears(dominique, "caller", "camille"));
    await dominique.is("listening");
    await expect(camille.talk.locator(".listened")).toContainText("Dominique vous écoute depuis");
    await hears(caller, "camille");
    await hears(camille, "caller");
    expect(await dominique.page.evaluate(() => (window as unknown as { vigieMouths: unknown[] }).vigieMouths.length), "no microphone is opened to listen").toBe(0);
    await picture(dominique.page, "listen-call");
    await expectAccessible(dominique.page);
    await expectNoSideways(dominique.page);
  });

  await test.step("she goes to another page, and reloads: she goes on listening", async () => {
    await dominique.page.goto("/desk/floor");
    await hears(dominique, "caller", "camille");
    await picture(dominique.page, "listen-call-floor");
    await dominique.page.goto(`/desk/listen/${id}`);
    await hears(dominique, "caller", "camille");
  });

  await test.step("she whispers: the counsellor alone hears her", async () => {
    await timed("whisper", () => mode("Souffler"), () => hears(camille, "caller", "dominique"));
    await hears(caller, "camille");
    await hears(dominique, "caller", "camille");
    await expect(camille.talk.locator(".listened")).toContainText("vous guide");
  });

  await test.step("and listens again", async () => {
    await timed("listen again", () => mode("Écouter"), () => hears(camille, "caller"));
    await hears(caller, "camille");
  });

  await test.step("a colleague listens beside her, and is heard by nobody", async () => {
    const noe = await desk("noe");
    await noe.becomes("busy");
    await dominique.page.reload();
    await dominique.page.getByLabel("Faire écouter quelqu'un à vos côtés").selectOption({ label: "Noé" });
    await dominique.page.getByRole("button", { name: "Inviter" }).click();
    await noe.page.locator("#invited").getByRole("link", { name: "Voir" }).click();
    await noe.page.locator("#listen").getByRole("button", { name: "Écouter" }).click();
    await hears(noe, "caller", "camille");
    await hears(dominique, "caller", "camille");
    await hears(caller, "camille");
    await hears(camille, "caller");
    await noe.page.locator("#listen").getByRole("button", { name: "Arrêter" }).click();
    await hears(noe);
  });

  const heard = await caller.heard((Date.now() - quiet) / 1000);
  // A tone that begins and ends has a little of every pitch: one that nobody says shows how much.
  const nobody = 1600;
  const most = Object.fromEntries([voices.camille, voices.dominique, voices.noe, nobody].map((pitch) => [pitch, Number(loudest(heard, pitch).toFixed(5))]));
  console.log(JSON.stringify({ listening: "the loudest of each pitch (Hz) at the caller while she is listened to", seconds: Math.round(heard.length / 8000), most }));
  expect(most[voices.camille]).toBeGreaterThan(0.1);
  expect(most[voices.dominique], "not for a moment").toBeLessThan(0.02);
  expect(most[voices.noe], "not for a moment").toBeLessThan(0.02);

  await test.step("she joins: both hear her", async () => {
    await timed("join", () => mode("Parler avec eux"), () => hears(caller, "camille", "dominique"));
    await hears(camille, "caller", "dominique");
    await hears(dominique, "caller", "camille");
  });

  await test.step("she takes over, the counsellor is released, and she gives back", async () => {
    await timed("take over", () => dominique.page.getByRole("button", { name: "Reprendre la conversation" }).click(), () => hears(caller, "dominique"));
    await hears(dominique, "caller");
    await hears(camille);
    await camille.is("none");
    await timed("give back", () => dominique.page.getByRole("button", { name: "Rendre à Camille" }).click(), () => hears(caller, "camille"));
    await hears(camille, "caller");
    await hears(dominique);
  });

  console.log(JSON.stringify({ listening: "ms from the press until it is heard, measured over 0.75 s", ...took }));
});

test("the caller's key ends it", { tag: "@desk" }, async ({ someone, desk, rings }) => {
  test.setTimeout(120_000);
  const camille = await desk("camille");
  const dominique = new PhoneDesk(await someoneWithHeadset(someone, voices.dominique), "dominique");
  await dominique.logsIn("dominique");
  const caller = await rings({ from: "+33639980132", keys: "700ms:5,40s:9" });
  await camille.accepts();
  await camille.is("talking");
  await dominique.page.goto(`/desk/listen/${await contactOf(camille.page.locator(".talk-current"))}`);
  await dominique.page.getByLabel("sécurité").check();
  await dominique.page.getByRole("button", { name: "Écouter l'appel" }).click();
  await hears(dominique, "caller", "camille");
  await expect(dominique.page.getByText("La personne a refusé l'écoute : elle s'est arrêtée aussitôt.")).toBeVisible({ timeout: 45_000 });
  await hears(dominique);
  await hears(caller, "camille");
  await picture(dominique.page, "listen-call-refused");
});
