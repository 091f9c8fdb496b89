// A call at night, and the one the next morning.
import { baresipIsMissing, expect, hears, hearsMusic, loudness, power, test, voices, type PhoneDesk } from "./calls";
import { expectAccessible, picture } from "./vigie";
import { Administrator } from "./people";
import { logsIn, unfolds } from "./staff";
import type { Page } from "@playwright/test";

test.use({ keepsHours: true });
test.skip(baresipIsMissing && !process.env.VIGIE_FORBID_SKIPS, "not run without an outside telephone (apt-get install baresip)");

/** Hours of a helpline that answers the whole day, or does not today. */
function hours(open: boolean): string {
  const date = new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Paris", dateStyle: "short" }).format(new Date());
  return `edition = 1
timezone = "Europe/Paris"
closing_soon_minutes = 0
holidays = ""
open_on_holidays = true
[[week]]
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
from = "00:00"
to = "24:00"
${open ? "" : `[[exception]]\ndate = "${date}"\nclosed = true\n`}`;
}

const number = "+33639980120";

/** The number is in nothing that the page shows or hides. */
async function neverShows(page: Page): Promise<void> {
  const all = (await page.content()) + (await page.evaluate(() => document.body.innerText));
  for (const part of ["639980120", "39 98 01 20", "39.98.01.20", "39980120"]) expect(all, page.url()).not.toContain(part);
}

/** What the tape sounds like at the desk, once she has asked for it. */
async function plays(desk: PhoneDesk): Promise<Float32Array> {
  const tape = desk.form.locator(".voicemail audio");
  await expect(tape, "nothing sounds before she asks").toHaveCount(0);
  await desk.form.getByRole("button", { name: "Écouter le message" }).press("Enter");
  await expect(tape).toBeFocused();
  await expect.poll(() => tape.evaluate((audio: HTMLAudioElement) => audio.currentTime)).toBeGreaterThan(0.5);
  await tape.evaluate((audio: HTMLAudioElement) => audio.pause());
  const raw = await (await desk.page.request.get((await tape.getAttribute("src"))!)).body();
  return Float32Array.from({ length: (raw.length - 44) >> 1 }, (_, i) => raw.readInt16LE(44 + 2 * i) / 32768);
}

test("a message is spoken at night; the next morning a counsellor hears it and calls back, and the number is nowhere", { tag: "@desk" }, async ({ desk, rings, outside, someone, helpline }) => {
  test.setTimeout(180_000);
  const house = new Administrator(await someone());
  await house.publishes("hours", hours(false));
  await house.edits("phone", (text) => text.replace('from = "10:00"', 'from = "00:00"').replace('until = "20:00"', 'until = "23:59"'));

  await test.step("closed: who answers now is said, and a message is taken", async () => {
    const caller = await rings({ from: number, keys: "3s:5,8s:#" });
    await caller.tells("pressed #");
    await caller.isHungUp(60_000);
    const heard = await caller.heard(60);
    expect(power(heard.subarray(0, 8000)), "a voice says who answers now").toBeGreaterThan(0.01);
  });

  await house.publishes("hours", hours(true));
  const camille = await desk("camille");
  await test.step("in the morning she takes it, and listens", async () => {
    await expect(camille.page.locator("#line > li")).toContainText("a laissé un message vocal");
    await camille.page.locator("#line").getByRole("button", { name: "Prendre" }).click();
    await expect(camille.form).toContainText("Message vocal");
    await expect(camille.form, "to open the form is not to listen").not.toContainText("Écouté par");
    const tape = await plays(camille);
    await expect(camille.form).toContainText("Écouté par Camille.");
    await picture(camille.page, "phone-voicemail-plays");
    await expectAccessible(camille.page);
    expect(loudness(tape.subarray(4000, 24000), voices.caller), "the caller's own voice").toBeGreaterThan(0.05);
    await camille.page.reload();
    await expect(camille.form).toContainText("Écouté par Camille.");
    await picture(camille.page, "phone-voicemail");
    await expectAccessible(camille.page);
  });

  const home = await outside(number);
  await test.step("she calls back, and they talk", async () => {
    await expect(camille.form, "what is said to somebody else is read before").toContainText("c'est une erreur de numéro");
    await picture(camille.page, "phone-callback-before");
    await camille.form.getByRole("button", { name: "Appeler maintenant" }).click();
    await camille.is("talking");
    await hears(camille, "outside");
    await hears(home, "camille");
    await picture(camille.page, "phone-callback");
    await camille.presses("Faire patienter");
    await hearsMusic(home);
    await camille.presses("Reprendre");
    await hears(home, "camille");
    await camille.presses("Raccrocher");
    await camille.is("none");
    await expect(camille.form, "only who answered keeps the promise").not.toContainText("La personne a été jointe.");
    await camille.form.getByRole("button", { name: "La personne", exact: true }).click();
    await expect(camille.form).toContainText("La personne a été jointe.");
    await expect(camille.talk, "the message is still hers to write up").toHaveCount(1);
  });

  await test.step("nobody has seen the number", async () => {
    await unfolds(camille);
    await neverShows(camille.page);
    const id = (await camille.talk.getAttribute("id"))!.replace("talk-", "");
    for (const path of ["/desk/history", `/desk/history/${id}`]) {
      await camille.page.goto(path);
      await neverShows(camille.page);
    }
    const supervisor = await someone();
    await logsIn(supervisor, "dominique");
    for (const path of ["/desk", "/desk/floor", `/desk/history/${id}`]) {
      await supervisor.goto(path);
      await neverShows(supervisor);
    }
    await house.page.goto("/admin/audit");
    await neverShows(house.page);
    expect(helpline.log()).not.toContain("39980120");
  });
  await camille.page.goto("/desk");
  await camille.goesHome();
});

test("whoever is called back does not answer: it is said, and she is called again in her turn", { tag: "@desk" }, async ({ desk, rings, someone }) => {
  test.setTimeout(180_000);
  const house = new Administrator(await someone());
  await house.publishes("hours", hours(false));
  await house.edits("phone", (text) => text.replace('from = "10:00"', 'from = "00:00"').replace('until = "20:00"', 'until = "23:59"'));
  const caller = await rings({ from: number, keys: "1s:5,5s:#" });
  await caller.isHungUp(60_000);
  await house.publishes("hours", hours(true));
  const camille = await desk("camille");

  await test.step("a try that reaches nobody leaves her desk, and is owed on the floor", async () => {
    await camille.page.locator("#line").getByRole("button", { name: "Prendre" }).click();
    await camille.form.getByRole("button", { name: "Appeler maintenant" }).click();
    await camille.is("dialling"); // nobody is at the other end of the operator's line
    await expect(camille.call).toContainText("Ça sonne là-bas");
    await expect(camille.talk, "it waits for the next try").toHaveCount(0, { timeout: 60_000 });
    await camille.is("none");
    await expect(camille.page.locator("#line > li"), "hidden until it is due").toHaveCount(0);
    const supervisor = await someone();
    await logsIn(supervisor, "dominique");
    await supervisor.goto("/desk/floor");
    const owed = supervisor.locator("#floor-promises li");
    await expect(owed).toContainText("À rappeler le");
    await expect(owed).toContainText("1 essai");
    await expect(owed).toContainText("personne ne l'a encore");
    await picture(supervisor, "floor-promises");
    await expectAccessible(supervisor);
    await owed.getByRole("combobox").selectOption({ label: (await owed.getByRole("combobox").locator("option").filter({ hasText: "Camille" }).textContent())! });
    await owed.getByRole("button", { name: "Faire sonner" }).click();
    await camille.accepts();
  });

  await test.step("she puts it back until a time, and has it again; then no call is made, with a reason", async () => {
    await camille.form.getByLabel("Rappeler à partir de").selectOption({ index: 1 });
    await camille.form.getByRole("button", { name: "Remettre dans la file" }).click();
    await expect(camille.talk).toHaveCount(0);
    const supervisor = await someone();
    await logsIn(supervisor, "dominique");
    await supervisor.goto("/desk/floor");
    const owed = supervisor.locator("#floor-promises li");
    await owed.getByRole("combobox").selectOption({ label: (await owed.getByRole("combobox").locator("option").filter({ hasText: "Camille" }).textContent())! });
    await owed.getByRole("button", { name: "Faire sonner" }).click();
    await camille.accepts();
    await expect(camille.form.getByRole("button", { name: "Rappeler encore" })).toBeVisible();
    await picture(camille.page, "phone-callback-again");
    await camille.form.getByLabel("Pourquoi ne pas rappeler").selectOption("not_wanted");
    await camille.form.getByRole("button", { name: "Ne plus rappeler" }).click();
    await expect(camille.form).toContainText("Le rappel est annulé : ne le souhaite plus.");
    await supervisor.reload();
    await expect(owed).toHaveCount(0);
  });
  await camille.goesHome();
});

test("at night one key says that somebody is in danger now, and others how to call back", { tag: "@desk" }, async ({ desk, rings, someone }) => {
  test.setTimeout(180_000);
  const house = new Administrator(await someone());
  await house.publishes("hours", hours(false));
  const supervisor = await someone();
  await logsIn(supervisor, "dominique");
  await supervisor.goto("/desk");
  const alarms = supervisor.locator("#desk-alarms .alert");
  await expect(alarms).toHaveCount(0);
  const caller = await rings({ from: number, keys: "1s:5,6s:#,15s:1,28s:2,31s:2,34s:3" });
  await expect(alarms, "it rings while she is still on the line").toHaveCount(1, { timeout: 60_000 });
  await picture(supervisor, "phone-danger-at-night");
  await caller.isHungUp(60_000);
  await house.publishes("hours", hours(true));
  await alarms.getByRole("button").last().click();
  const camille = await desk("camille");
  await expect(camille.page.locator("#line > li")).toContainText("danger maintenant");
  await camille.page.locator("#line").getByRole("button", { name: "Prendre" }).click();
  await expect(camille.form).toContainText("Non, personne d'autre (par une touche)");
  await expect(camille.form).toContainText("Le lendemain (par une touche)");
  await neverShows(camille.page);
  await expectAccessible(camille.page);
  await camille.goesHome();
});
