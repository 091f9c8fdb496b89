// The main job, once from end to end: a child on her phone and a counsellor at her desk, at once.
import { expect, test } from "./vigie";
import { Child, Counsellor } from "./people";

test("a child's first contact, from the first question to the history", async ({ page, context, someone, helpline }) => {
  test.setTimeout(180_000);
  const child = new Child(page);
  const counsellor = new Counsellor(await someone());

  await test.step("she opens the chat and answers one question", async () => {
    await page.goto("/");
    await page.locator('main a[href="/chat"]').first().click();
    expect(await context.cookies(), "no cookie before a chat").toEqual([]);
    await page.getByLabel("On me menace avec une photo ou une vidéo de moi").check();
    await page.getByRole("button", { name: "Parler à quelqu'un" }).click();
    await expect(page.getByRole("heading", { name: "Tu es dans la file" })).toBeVisible();
    const [cookie, ...more] = await context.cookies();
    expect(cookie).toMatchObject({ name: "__Host-vigie", httpOnly: true, secure: true, sameSite: "Strict", expires: -1 });
    expect(more).toEqual([]);
  });

  await test.step("while she waits she reads what to do now, and may already write", async () => {
    await expect(page.locator(".donow-steps")).toContainText("Ne paie pas.");
    await expect(page.locator(".donow-never")).toContainText("Ne garde pas de capture d'image nue");
    await child.writes("Il y a quelqu'un ?");
    await expect(child.bubble("Il y a quelqu'un ?")).toContainText("envoyé");
  });

  await test.step("the counsellor comes to her desk; as soon as she is there for it, it rings", async () => {
    await counsellor.logsIn("camille");
    await expect(counsellor.page.getByText("Rien ne sonne", { exact: true })).toBeVisible();
    await expect(counsellor.ring).toHaveCount(0);
    await counsellor.becomes("available");
    await expect(counsellor.ring).toContainText("On me menace avec une photo");
    await expect(counsellor.page).toHaveTitle("● Ça sonne");
    await expect(child.state).toContainText("On appelle quelqu'un pour toi");
  });

  await test.step("she answers, and each sees the other there", async () => {
    await counsellor.accepts();
    await expect(counsellor.bubble("Il y a quelqu'un ?")).toBeVisible();
    await expect(child.state).toContainText("Tu parles avec Camille.");
    await expect(child.bubble("Il y a quelqu'un ?").locator(".delivery")).toHaveText("vu");
  });

  await test.step("the counsellor writes: dots, then the message, then that it was seen", async () => {
    await counsellor.field.pressSequentially("Bonjour, je");
    await expect(page.locator("#talk-typing")).toContainText("Camille écrit");
    await counsellor.writes("Bonjour, je suis là. Tu as bien fait de venir.");
    await expect(child.bubble("Tu as bien fait de venir.")).toBeVisible();
    await expect(page.locator("#talk-typing")).toHaveText("");
    await expect(counsellor.bubble("Tu as bien fait de venir.").locator(".delivery:visible")).toHaveText("vu");
  });

  await test.step("what the child types and deletes never leaves her phone", async () => {
    const posted: string[] = [];
    page.on("request", (request) => request.method() === "POST" && posted.push(...new URLSearchParams(request.postData() ?? "").values()));
    await child.field.pressSequentially("une phrase effacée");
    await expect(counsellor.talk.locator(".typing")).toContainText("écrit");
    await child.field.fill("");
    await expect(counsellor.talk.locator(".typing")).toHaveText("");
    await child.writes("Il a une photo de moi. Il va l'envoyer à tout le monde si je ne paie pas.");
    await expect(counsellor.bubble("si je ne paie pas")).toBeVisible();
    expect(posted.join("\n")).toContain("si je ne paie pas");
    expect(posted.join("\n")).not.toContain("effacée");
  });

  await test.step("both sides show the same messages in the same order", async () => {
    const all = ["Il y a quelqu'un ?", "Bonjour, je suis là. Tu as bien fait de venir.", "Il a une photo de moi. Il va l'envoyer à tout le monde si je ne paie pas."];
    expect(await child.messages()).toEqual(all);
    expect(await counsellor.messages()).toEqual(all);
  });

  await test.step("a danger word opened its protocol; a step is ticked, with who and when", async () => {
    const protocol = counsellor.form.locator(".protocols > .protocol", { hasText: "Sextorsion" });
    await expect(protocol).toBeVisible();
    await protocol.locator(".protocol-tick").first().check();
    // What she is in is left alone: it is drawn anew when she goes on.
    await counsellor.field.focus();
    await expect(protocol.locator(".protocol-done").first()).toContainText(/Fait\s:\sCamille,\s\d/);
  });

  await test.step("the form keeps what is typed, across a reload", async () => {
    await counsellor.form.getByLabel("Prénom ou surnom donné").fill("Lou");
    await expect(counsellor.form.locator(`auto-save[id^=form-]`)).toHaveAttribute("data-state", "saved");
    await counsellor.page.reload();
    await expect(counsellor.form.getByLabel("Prénom ou surnom donné")).toHaveValue("Lou");
    await expect(counsellor.form.locator(".protocol-tick").first()).toBeChecked();
  });

  await test.step("the counsellor says goodbye; the child answers the one question", async () => {
    await counsellor.talk.locator("form[action$='/end'] button").click();
    await expect(counsellor.talk).toContainText("Il reste la fiche");
    await expect(page.getByRole("heading", { name: "La conversation est terminée" })).toBeVisible();
    await page.getByLabel("Un peu").check();
    await page.getByLabel("Tu veux nous dire quelque chose ?").fill("merci");
    await page.getByRole("button", { name: "Envoyer ma réponse" }).click();
    await expect(page.getByText("Merci. On lit chaque réponse.")).toBeVisible();
    await page.reload();
    await expect(page.getByText("Merci. On lit chaque réponse.")).toBeVisible();
  });

  await test.step("what is missing is named; once it is filled the contact closes", async () => {
    const close = counsellor.form.getByRole("button", { name: "Clore le contact" });
    await expect(close).toBeDisabled();
    const missing = counsellor.form.locator(".panel-missing li");
    await expect(missing).toContainText(["Motif principal"]);
    for (const section of await counsellor.form.locator("auto-save[id^=form-] details.section").all()) {
      if ((await section.getAttribute("open")) === null) await section.locator("summary").click();
    }
    await counsellor.form.locator("select[name=who]").selectOption("child");
    await counsellor.form.locator("select[name=category_main]").selectOption({ index: 1 });
    await counsellor.form.locator("select[name=outcome]").selectOption("heard");
    await expect(missing).toHaveCount(0);
    await close.click();
    await expect(counsellor.talk).toHaveCount(0);
    await expect(counsellor.page.locator("#mine li")).toHaveCount(0);
  });

  await test.step("the history finds it again, with its words and its form", async () => {
    await counsellor.page.getByRole("link", { name: "Retrouver un contact" }).click();
    const row = counsellor.page.locator("tbody tr").first(); // the newest
    await expect(row).toContainText("clos");
    await row.getByRole("link").click();
    const past = counsellor.page.locator("main");
    await expect(past).toContainText("Il a une photo de moi.");
    await expect(past).toContainText("Tu as bien fait de venir.");
    await expect(past.locator("dl")).toContainText("Lou");
  });

  expect(helpline.log(), "no word of a conversation is logged").not.toMatch(/photo de moi|bien fait de venir|\bLou\b/);
  await counsellor.goesHome();
});
