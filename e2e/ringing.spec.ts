// What rings, at whom, and what becomes of it.
import { expect, test } from "./vigie";
import { Counsellor } from "./people";
import { act, childWaits, contactOf, counsellorReady, more, phone, talking } from "./staff";
import type { Page } from "@playwright/test";

/** Keeps what the browser would show outside the page, and says that nobody looks at the page. */
async function withNotifications(page: Page): Promise<() => Promise<unknown[]>> {
  await page.addInitScript(() => {
    const shown: unknown[] = [];
    class Shown {
      static permission = "granted";
      static requestPermission = () => Promise.resolve("granted");
      constructor(title: string, options: NotificationOptions) {
        shown.push({ title, body: options.body, data: options.data, icon: options.icon });
      }
      close(): void {}
    }
    Object.assign(window, { Notification: Shown, shown });
    Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
  });
  return () => page.evaluate(() => (window as unknown as { shown: unknown[] }).shown);
}

/** The one of these at whose desk it rings. */
async function rungAmong(...counsellors: Counsellor[]): Promise<{ rung: Counsellor; others: Counsellor[] }> {
  const ringing = async () => Promise.all(counsellors.map((counsellor) => counsellor.ring.count()));
  await expect.poll(async () => (await ringing()).reduce((a, b) => a + b)).toBe(1);
  const counts = await ringing();
  return { rung: counsellors[counts.indexOf(1)]!, others: counsellors.filter((_, at) => counts[at] !== 1) };
}

test.describe("the ringing desk", { tag: "@desk" }, () => {
  test.slow();

  test("it rings with reasons in words; the title says so, and a notification tells nothing of the person", async ({ someone }) => {
    const page = await someone();
    const shown = await withNotifications(page);
    const counsellor = new Counsellor(page);
    await counsellor.logsIn("camille");
    await counsellor.becomes("available");
    await expect(page).toHaveTitle("Poste d'écoute · Vigie");

    const young = await someone(phone);
    await young.goto("/chat");
    await young.getByLabel("Moins de 11 ans").check();
    await young.getByLabel("Je vais très mal").check();
    await young.locator(".begin-go button").click();

    await expect(counsellor.ring).toContainText("Moins de 11 ans");
    await expect(counsellor.ring).toContainText("Je vais très mal");
    await expect(counsellor.ring).toContainText("a moins de 11 ans");
    await expect(counsellor.ring).toContainText(/a choisi «\sje vais très mal\s»/);
    await expect(counsellor.ring).toContainText(/attend depuis/);
    await expect(counsellor.ring).toContainText(/il reste \d+ s/);
    await expect(page).toHaveTitle("● Ça sonne");
    expect(await shown()).toEqual([{ title: "Ça sonne", body: "Un contact vous attend." }]);

    await counsellor.accepts();
    await expect(page).toHaveTitle("Poste d'écoute · Vigie");
    expect(await shown(), "one notification for one ring").toHaveLength(1);
    await counsellor.goesHome();
  });

  test("a danger word goes first in the line, and its reason stands apart", async ({ someone }) => {
    const counsellor = new Counsellor(await someone());
    await counsellor.logsIn("camille");
    await childWaits(someone, "On me harcèle, on se moque de moi");
    const danger = await childWaits(someone);
    const line = counsellor.page.locator("#line > li");
    await expect(line).toHaveCount(2);
    await danger.writes("je veux mourir");
    await expect(line.first().locator(".reason-grave")).toBeVisible();
    await expect(line.first()).toHaveClass(/contact-grave/);
    await counsellor.becomes("available");
    await expect(counsellor.ring.locator(".reason-grave")).toBeVisible();
    await counsellor.accepts();
    await expect(counsellor.bubble("je veux mourir")).toBeVisible();
    // In danger no single click closes it: the menu has none, and only a supervisor ends it without the form.
    const sheet = await more(counsellor.talk);
    await expect(sheet.locator("form[action$='/dismiss'], form[action$='/block']")).toHaveCount(0);
    const id = await contactOf(counsellor.talk);
    const refused = await counsellor.page.request.post(`/desk/contacts/${id}/dismiss`, { form: { code: "test" }, headers: { "Vigie-Script": "1" } });
    expect(refused.status()).toBe(403);
    await act(counsellor.talk, "danger");
    await expect(counsellor.talk.locator(".talk-head-grave"), "lifted, it is seen at once").toHaveCount(0);
    await counsellor.goesHome();
    await expect(counsellor.talk).toHaveCount(0);
    await counsellor.becomes("available");
    await counsellor.accepts();
    await counsellor.goesHome();
  });

  test("two counsellors, one contact: only one is rung, and when she cannot, the other is", async ({ someone }) => {
    const [camille, noe] = [await counsellorReady(someone, "camille"), await counsellorReady(someone, "noe")];
    const child = await childWaits(someone);
    const { rung, others } = await rungAmong(camille, noe);
    const other = others[0]!;
    await rung.ring.getByRole("button", { name: "Je ne peux pas" }).click();
    await expect(rung.ring).toHaveCount(0);
    await expect(other.ring).toHaveCount(1);
    await expect(child.state, "the child is told of nobody's no").toContainText("On appelle quelqu'un pour toi");
    await other.accepts();
    await expect(rung.page.locator(".talk")).toHaveCount(0);
    await other.goesHome();
    await rung.goesHome();
  });

  test("accepted in two tabs at once, it is one conversation, open in both", async ({ someone }) => {
    const camille = await counsellorReady(someone, "camille");
    const tab = new Counsellor(await camille.page.context().newPage());
    await tab.page.goto("/desk");
    await tab.hears();
    const child = await childWaits(someone);
    await expect(camille.ring).toHaveCount(1);
    await expect(tab.ring).toHaveCount(1);
    // Both are held before either is pressed: the first takes the other away.
    const buttons = await Promise.all([camille, tab].map((desk) => desk.ring.locator("form[action$='/accept'] button").elementHandle()));
    await Promise.all(buttons.map((button) => button?.evaluate((accept) => (accept as HTMLElement).click())));
    for (const desk of [camille, tab]) {
      await expect(desk.talk).toHaveCount(1);
      await expect(desk.ring).toHaveCount(0);
      await expect(desk.page.locator("[data-quick-fault]")).toHaveCount(0);
      await expect(desk.page.locator("#mine > li")).toHaveCount(1);
    }
    await camille.writes("Bonjour.");
    await expect(tab.bubble("Bonjour.")).toHaveCount(1);
    await child.writes("coucou");
    await expect(camille.bubble("coucou")).toHaveCount(1);
    await expect(tab.bubble("coucou")).toHaveCount(1);
    expect(await child.messages()).toEqual(["Bonjour.", "coucou"]);
    await camille.goesHome();
  });

  test("« I know this person » passes it on in front of the line, and closes it to her, history included", async ({ someone }) => {
    const { child, counsellor: camille } = await talking(someone, "camille");
    await child.writes("c'est Lou, du 6e B");
    await expect(camille.bubble("c'est Lou")).toBeVisible();
    const id = await contactOf(camille.talk);
    const noe = await counsellorReady(someone, "noe");
    await act(camille.talk, "known");
    await expect(camille.talk).toHaveCount(0);
    await expect(camille.page.locator("#mine > li")).toHaveCount(0);
    await noe.accepts();
    await expect(noe.bubble("c'est Lou")).toBeVisible();
    await expect(child.state).toContainText("Tu parles avec Noé.");
    await noe.goesHome();

    expect((await camille.page.goto(`/desk/history/${id}`))?.status()).toBe(404);
    await camille.page.goto("/desk/history");
    await expect(camille.page.locator(`a[href$="${id}"]`)).toHaveCount(0);
    expect((await noe.page.goto(`/desk/history/${id}`))?.status()).toBe(200);
    await expect(noe.page.locator("main")).toContainText("c'est Lou");
    await camille.page.request.post("/desk/presence", { form: { state: "away" } });
  });

  test("handed over to a colleague, who reads it all; the child repeats nothing", async ({ someone }) => {
    const { child, counsellor: camille } = await talking(someone, "camille");
    await child.writes("on m'a volé mon compte");
    await camille.writes("Je te passe Noé, qui connaît bien ça.");
    const noe = await counsellorReady(someone, "noe");
    // Her menu lists who is there as it opens.
    await camille.page.reload();
    await camille.hears();
    await act(camille.talk, "handover", { to: "Noé (Disponible)" });
    await expect(noe.ring).toContainText("Confié par Camille");
    await noe.accepts();
    await expect(noe.bubble("on m'a volé mon compte")).toBeVisible();
    await expect(noe.bubble("Je te passe Noé")).toBeVisible();
    await expect(camille.talk).toHaveCount(0);
    await expect(child.state).toContainText("Tu parles avec Noé.");
    await noe.writes("Bonjour, c'est Noé. J'ai tout lu.");
    await expect(child.bubble("J'ai tout lu.")).toBeVisible();
    expect(await child.messages()).toEqual(["on m'a volé mon compte", "Je te passe Noé, qui connaît bien ça.", "Bonjour, c'est Noé. J'ai tout lu."]);
    await noe.goesHome();
    await camille.goesHome();
  });

  test("three chats are all she takes, and a grave one takes all of her", async ({ someone }) => {
    const camille = await counsellorReady(someone, "camille");
    for (let n = 1; n <= 3; n += 1) {
      await childWaits(someone);
      await camille.ring.locator("form[action$='/accept'] button").click();
      await expect(camille.talk).toHaveCount(n);
    }
    await expect(camille.page.locator(".presence-load")).toHaveText("3 chats sur 3");
    await childWaits(someone);
    const line = camille.page.locator("#line > li");
    await expect(line).toHaveCount(1);
    await line.getByRole("button", { name: "Prendre" }).click();
    await expect(line).toContainText("Vous avez déjà tout ce que vous pouvez porter.");
    await expect(camille.ring).toHaveCount(0);

    for (const left of [2, 1]) {
      await act(camille.talk.nth(0), "dismiss", { code: "Essai" });
      await expect(camille.talk).toHaveCount(left);
    }
    await camille.becomes("available");
    await expect(camille.ring, "with one chat left it rings again").toHaveCount(1);
    await camille.ring.getByRole("button", { name: "Je ne peux pas" }).click();
    await act(camille.talk, "grave");
    await expect(camille.talk.locator(".talk-head-grave")).toHaveCount(1);
    await line.getByRole("button", { name: "Prendre" }).click();
    await expect(line).toContainText("Vous avez déjà tout ce que vous pouvez porter.");
    await act(camille.talk, "grave");
    await expect(camille.talk.locator(".talk-head-grave")).toHaveCount(0);
    await line.getByRole("button", { name: "Prendre" }).click();
    await expect(camille.talk).toHaveCount(2);
    await camille.goesHome();
  });

  for (const { closing, line } of [
    { closing: "Essai", line: "Ça marche ! Si tu voulais juste essayer, c'est fait. Reviens quand tu veux." },
    { closing: "Blague", line: "On te laisse pour répondre à quelqu'un d'autre. Si un jour tu as besoin, on sera là pour toi aussi." },
  ]) {
    test(`closed in one click as « ${closing} », the child reads its kind line`, async ({ someone }) => {
      const { child, counsellor } = await talking(someone);
      await child.writes("lol");
      await act(counsellor.talk, "dismiss", { code: closing });
      await expect(counsellor.talk).toHaveCount(0);
      await expect(child.page.getByRole("heading", { name: "La conversation est terminée" })).toBeVisible();
      await expect(child.page.locator("main")).toContainText(line);
      await expect(child.page.locator(".over-rate"), "nothing was asked for, so nothing is asked").toHaveCount(0);
      await counsellor.goesHome();
    });
  }

  test("blocked with a reason and an end, her next opening shows who answers now", async ({ someone }) => {
    const { child, counsellor } = await talking(someone);
    const words = await child.asksForWords();
    await act(counsellor.talk, "block", { reason: "Insultes", hours: "1 heure" });
    await expect(counsellor.talk, "the counsellor is told until when").toContainText("Bloqué jusqu'au");
    await act(counsellor.talk, "dismiss", { code: "Insultes à la ligne" });
    await expect(child.page.locator("main")).toContainText("En danger : le 17, ou le 114 par SMS.");

    const back = await someone(phone);
    await back.goto("/resume");
    await back.getByLabel("Tes 4 mots").fill(words.join(" "));
    await back.getByRole("button", { name: "Revenir" }).click();
    await expect(back.getByRole("heading", { name: "On fait une pause" })).toBeVisible();
    for (const number of ["17", "112", "114", "119", "3114"]) await expect(back.locator(`a[href="tel:${number}"], a[href="sms:${number}"]`).first()).toBeVisible();
    await counsellor.goesHome();
  });

  test("there is no block where a life may be in danger", async ({ someone }) => {
    const { child, counsellor } = await talking(someone);
    await child.writes("je veux mourir");
    await expect(counsellor.talk.locator(".talk-head-grave")).toHaveCount(1);
    const id = await contactOf(counsellor.talk);
    const answer = await counsellor.page.request.post(`/desk/contacts/${id}/block`, { form: { reason: "insults", hours: "1" }, headers: { "Vigie-Script": "1" } });
    expect(answer.status()).toBe(403);
    expect(await answer.text()).toContain("On ne bloque pas quand une vie peut être en danger.");
    await act(counsellor.talk, "danger");
    await expect(counsellor.talk.locator(".talk-head-grave")).toHaveCount(0);
    await counsellor.goesHome();
  });
});
