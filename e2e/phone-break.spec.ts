// What breaks while two people talk: a page, a tab, a network, the program itself. The caller is never left in
// silence, and never told what happened to the house.
import { baresipIsMissing, expect, hears, hearsMusic, listens, PhoneDesk, test } from "./calls";
import { logsIn, unfolds } from "./staff";

// How long a caller waits for a counsellor whose browser is gone.
test.use({ settings: { VIGIE_PHONE_GRACE: "8s" } });

/** The longest silence that nobody would notice, on a machine that has other things to do. */
const unnoticed = 0.5;

test.describe("while they talk", { tag: "@desk" }, () => {
  test.slow();

  test("she looks up the past, her account, and comes back: the sound never stops", async ({ desk, rings }) => {
    const camille = await desk("camille");
    const caller = await rings();
    await camille.accepts();
    await hears(camille, "caller");
    await hears(caller, "camille");
    const same = await camille.phone.evaluate((phone) => ((window as unknown as { first: Element }).first = phone) === phone);
    expect(same).toBe(true);
    // What is measured has to be a call that has gone on for a while.
    await camille.page.waitForTimeout(3000);
    const gaps = [listens(camille, "caller"), listens(caller, "camille")];

    await camille.page.getByRole("link", { name: "Retrouver un contact" }).click();
    await expect(camille.page.getByRole("heading", { level: 1 })).toHaveText("Retrouver un contact");
    await camille.is("talking");
    await camille.page.getByRole("link", { name: "Camille" }).click();
    await expect(camille.page).toHaveURL(/\/desk\/account$/);
    await camille.page.goBack();
    await expect(camille.page).toHaveURL(/\/desk\/history$/);
    await camille.page.goBack();
    await expect(camille.page).toHaveURL(/\/desk$/);
    await expect(camille.talk).toHaveCount(1);
    await camille.page.goForward();
    await expect(camille.page).toHaveURL(/\/desk\/history$/);
    await camille.page.goBack();
    await expect(camille.talk).toHaveCount(1);
    await unfolds(camille);
    await expect(camille.phone).toHaveAttribute("data-alive", "");
    expect(await camille.phone.evaluate((phone) => (window as unknown as { first: Element }).first === phone), "the page was never left").toBe(true);
    for (const gap of gaps) expect(await gap()).toBeLessThan(unnoticed);
    // What can be done with the call can be done from any page, and what becomes of it is seen there: also in the
    // administration, whose pages have no stream of their own.
    for (const path of ["/desk/history", "/admin/catalogue"]) {
      await camille.command(path === "/desk/history" ? "retrouver un contact" : "réponses et réglages");
      await expect(camille.page).toHaveURL(new RegExp(`${path}$`));
      await camille.presses("Faire patienter");
      await camille.is("hold");
      await hearsMusic(caller);
      await camille.presses("Reprendre");
      await camille.is("talking");
      await hears(caller, "camille");
      await camille.page.goBack();
      await expect(camille.talk).toHaveCount(1);
    }
    await camille.command("retrouver un contact");
    await expect(camille.page).toHaveURL(/\/desk\/history$/);
    await caller.hangsUp();
    await camille.is("none");
    await camille.page.goto("/desk");
    await camille.goesHome();
  });

  test("she reloads the page: the caller is asked to wait, and hears her again", async ({ desk, rings }) => {
    const camille = await desk("camille");
    const caller = await rings();
    await camille.accepts();
    await hears(caller, "camille");
    const asked: string[] = [];
    camille.page.on("dialog", (dialog) => (asked.push(dialog.type()), void dialog.accept()));
    await camille.presses("Faire patienter");
    await camille.presses("Reprendre"); // a click, without which no browser asks before it leaves
    await camille.is("talking");
    const before = await camille.call.getAttribute("data-attached");
    // The scripts of the page take their time, so that what the caller hears meanwhile can be measured.
    await camille.page.route(/\/assets\/desk-.*\.js$/, async (route) => {
      await new Promise((done) => setTimeout(done, 3000));
      await route.continue();
    });
    const again = camille.page.reload();
    await hearsMusic(caller);
    await again;
    await camille.hears();
    await expect(camille.call).not.toHaveAttribute("data-attached", before!);
    await camille.is("talking");
    await hears(caller, "camille");
    await hears(camille, "caller");
    expect(asked).toEqual(["beforeunload"]);
    await expect(camille.phone.locator("[data-phone-take]")).toHaveAttribute("aria-pressed", "true");
    await caller.hangsUp();
    await camille.is("none");
    await camille.goesHome();
  });

  test("a second tab says where the call is, and takes it when she says so", async ({ desk, rings }) => {
    const camille = await desk("camille");
    const caller = await rings();
    await camille.accepts();
    await hears(caller, "camille");
    const other = new PhoneDesk(await camille.page.context().newPage(), "camille");
    await other.page.goto("/desk");
    await expect(other.phone.getByRole("status")).toContainText("Vous êtes sur cet appel dans un autre onglet.");
    await hears(camille, "caller");
    await hears(other);
    await other.presses("Prendre l'appel ici");
    await hears(other, "caller");
    await hears(camille);
    await hears(caller, "camille");
    await expect(camille.phone.getByRole("button", { name: "Prendre l'appel ici" })).toBeVisible();
    // The tab that has the call closes: the other takes it by itself.
    await other.page.close();
    await hears(camille, "caller");
    await hears(caller, "camille");
    await caller.hangsUp();
    await camille.is("none");
    await camille.goesHome();
  });

  test("she closes her tab and does not come back: the caller is first in line, and rings at a colleague's", async ({ desk, rings }) => {
    const camille = await desk("camille");
    const noe = await desk("noe");
    await noe.becomes("busy");
    const caller = await rings({ from: "+33639980102" });
    await camille.accepts();
    await hears(caller, "camille");
    const other = await rings({ from: "+33639980103" });
    await hearsMusic(other);
    await camille.page.close();
    await hearsMusic(caller);
    const line = noe.page.locator("#line > li");
    await expect(line).toHaveCount(2, { timeout: 30_000 });
    await expect(line.first()).toContainText("la connexion avec son écoutant a été coupée");
    await noe.becomes("available");
    await noe.accepts();
    await noe.is("talking");
    await hears(caller, "noe");
    await hears(noe, "caller");
    await hearsMusic(other);
    for (const telephone of [caller, other]) await telephone.hangsUp();
    await noe.is("none");
    await noe.goesHome();
  });

  test("she closes her tab while the 119 is in the call: the two talk on, she comes back, and if she does not the floor says so", async ({ page, desk, rings, outside }) => {
    test.skip(baresipIsMissing && !process.env.VIGIE_FORBID_SKIPS, "not run without an outside telephone (apt-get install baresip)");
    const camille = await desk("camille");
    const caller = await rings({ from: "+33639980106" });
    await camille.accepts();
    await hears(caller, "camille");
    const line119 = await outside("119");
    await camille.passesTo(/119/, "Parler à trois");
    await camille.is("conference");
    await hears(caller, "camille", "outside");
    await hears(line119, "camille", "caller");

    await camille.page.reload();
    await hears(caller, "camille", "outside");
    await camille.is("conference");
    await hears(camille, "caller", "outside");

    await logsIn(page, "dominique");
    await page.goto("/desk/floor");
    await camille.page.close();
    await hears(caller, "outside");
    await hears(line119, "caller");
    const said = page.getByText("1 appel continue avec un correspondant extérieur, sans personne de l'équipe");
    await expect(said).toBeVisible({ timeout: 30_000 });
    await hears(caller, "outside");
    await caller.hangsUp();
    await expect(said).toHaveCount(0);
  });

  test("her network drops and comes back: it is said, and the call is still there", async ({ desk, rings }) => {
    const camille = await desk("camille");
    const caller = await rings();
    await camille.accepts();
    await hears(caller, "camille");
    await camille.page.context().setOffline(true);
    await expect(camille.phone.getByRole("status")).toContainText("Plus de réseau ici. L'appel n'est pas perdu");
    await camille.page.waitForTimeout(2000);
    await camille.page.context().setOffline(false);
    await expect(camille.phone.getByRole("status")).toHaveText(/^$|La ligne est ouverte\./);
    await camille.hears();
    await hears(caller, "camille");
    await hears(camille, "caller");
    await camille.presses("Faire patienter");
    await camille.is("hold");
    await caller.hangsUp();
    await camille.is("none");
    await camille.goesHome();
  });

  test("the program dies: what she wrote is there to be finished, and who rings again comes first", async ({ desk, rings, helpline }) => {
    const camille = await desk("camille");
    const caller = await rings({ from: "+33639980104" });
    await camille.accepts();
    await hears(caller, "camille");
    await unfolds(camille);
    await camille.form.getByLabel("Prénom ou surnom donné").fill("Lou");
    await camille.form.getByLabel("Prénom ou surnom donné").press("Tab");
    await expect(camille.form).toContainText("Enregistré");
    await helpline.crash();
    await caller.hangsUp();
    await expect(camille.talk).toContainText("L'appel est terminé.", { timeout: 30_000 });
    await expect(camille.form.getByLabel("Prénom ou surnom donné")).toHaveValue("Lou");
    await camille.is("none");

    const noe = await desk("noe");
    await noe.becomes("busy");
    const other = await rings({ from: "+33639980105" });
    await expect(noe.page.locator("#line > li")).toHaveCount(1);
    const back = await rings({ from: "+33639980104" });
    await expect(noe.page.locator("#line > li")).toHaveCount(2);
    await expect(noe.page.locator("#line > li").first()).toContainText("a été coupé et rappelle");
    await expect(noe.page.locator("#line > li").first()).not.toContainText("quatre mots");
    await noe.becomes("available");
    await noe.accepts();
    await hears(back, "noe");
    await hearsMusic(other);
    for (const telephone of [back, other]) await telephone.hangsUp();
    await noe.is("none");
    for (const one of [camille, noe]) await one.goesHome();
  });
});
