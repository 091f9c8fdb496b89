// A call from its first ring to its file: who hears whom is measured at each step.
import { baresipIsMissing, expect, hears, hearsMusic, test } from "./calls";
import { unfolds } from "./staff";

test.skip(baresipIsMissing && !process.env.VIGIE_FORBID_SKIPS, "not run without an outside telephone (apt-get install baresip)");

test("a call: answered, written up, held, handed over with a word before, joined by the 119, and closed", { tag: "@desk" }, async ({ desk, rings, outside }) => {
  test.setTimeout(180_000);
  const camille = await desk("camille");
  const caller = await rings({ from: "+33639980101" });

  await test.step("she answers", async () => {
    await hearsMusic(caller);
    await camille.accepts();
    await camille.is("talking");
    await hears(caller, "camille");
    await hears(camille, "caller");
    await expect(camille.page.locator(".presence-load")).toHaveText("1 appel");
  });

  await test.step("she writes while they talk", async () => {
    await unfolds(camille);
    await camille.form.locator("select[name=who]").selectOption("child");
    await camille.form.getByLabel("Prénom ou surnom donné").fill("Lou");
    await camille.form.getByLabel("Prénom ou surnom donné").press("Tab");
  });

  await test.step("she has the caller wait, and comes back", async () => {
    await camille.presses("Faire patienter");
    await camille.is("hold");
    await hearsMusic(caller);
    await hears(camille);
    await camille.presses("Reprendre");
    await camille.is("talking");
    await hears(caller, "camille");
    await hears(camille, "caller");
  });

  const noe = await desk("noe");
  await test.step("she hands over to Noé, and says a word to him before", async () => {
    await camille.passesTo("Noé", "Annoncer d'abord");
    await camille.is("intro");
    await expect(camille.call).toContainText("Ça sonne chez Noé.");
    await hearsMusic(caller);
    await noe.accepts();
    await noe.is("intro");
    await hears(noe, "camille");
    await hears(camille, "noe");
    await hearsMusic(caller);
    await expect(noe.form.getByLabel("Prénom ou surnom donné")).toHaveValue("Lou");
    await camille.presses("Mettre en relation");
    await noe.is("talking");
    await camille.is("none");
    await hears(caller, "noe");
    await hears(noe, "caller");
    await hears(camille);
  });

  const line119 = await outside("119");
  await test.step("he asks the 119 while the caller waits, then all three talk", async () => {
    await noe.passesTo(/119/, "Annoncer d'abord");
    await expect(noe.call).toContainText("Vous parlez avec");
    await hears(line119, "noe");
    await hears(noe, "outside");
    await hearsMusic(caller);
    await noe.presses("Parler à trois");
    await noe.is("conference");
    await hears(caller, "noe", "outside");
    await hears(noe, "caller", "outside");
    await hears(line119, "caller", "noe");
  });

  await test.step("the 119 is let go, and the two go on", async () => {
    await noe.presses("Faire sortir");
    await noe.is("talking");
    await hears(caller, "noe");
    await hears(noe, "caller");
  });

  await test.step("he hangs up, writes up and closes", async () => {
    await noe.presses("Raccrocher");
    await caller.isHungUp();
    await noe.is("none");
    await expect(noe.talk).toContainText("L'appel est terminé.");
    await unfolds(noe);
    await noe.form.locator("select[name=category_main]").selectOption({ index: 1 });
    await noe.form.locator("select[name=outcome]").selectOption("heard");
    for (const missing of await noe.form.locator(".panel-missing li").allInnerTexts()) {
      await noe.form.getByLabel(missing, { exact: true }).first().fill("la suite").catch(() => undefined);
    }
    await expect(noe.form.locator(".panel-missing li")).toHaveCount(0);
    await noe.form.getByRole("button", { name: "Clore le contact" }).click();
    await expect(noe.talk).toHaveCount(0);
  });
});
