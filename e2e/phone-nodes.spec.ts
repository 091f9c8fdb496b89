// A call that came to one machine is answered by a counsellor whose page the other one serves, and the machine of
// the call is unplugged.
import { expect, hears, hearsMusic, PhoneDesk, someoneWithHeadset, Telephone, test as base, voices } from "./calls";
import { openTwoNodes, password, postgresIsMissing, type TwoNodes } from "./nodes";

const test = base.extend<object, { helpline: TwoNodes }>({
  helpline: [
    async ({}, use) => {
      const helpline = await openTwoNodes({ phone: true });
      await use({ ...helpline, url: helpline.urls[1] }); // the counsellor's page is the second one's
      await helpline.stop();
    },
    { scope: "worker", timeout: 60_000 },
  ],
});

// As the Go tests do where PostgreSQL's programs are missing (internal/store/storetest).
test.skip(postgresIsMissing && !process.env.VIGIE_FORBID_SKIPS, "not run without PostgreSQL's programs (apt-get install postgresql-15)");

test("answered from the other machine; when the call's own dies it is written up, and who rings again comes first", { tag: "@desk" }, async ({ someone, helpline }) => {
  test.setTimeout(180_000);
  const page = await someoneWithHeadset(someone, voices.camille);
  const camille = new PhoneDesk(page, "camille");
  await page.goto("/desk");
  await page.locator("[name=login]").fill("camille");
  await page.locator("[name=password]").fill(password);
  await page.locator("form[action='/desk/login'] button").click();
  await expect(page).toHaveURL(/\/desk$/);
  await camille.hears();
  await camille.takesCalls();
  const telephones: Telephone[] = [];
  const rings = async (node: 0 | 1, from: string) => {
    const telephone = await Telephone.calls(helpline.lines[node]!.address, { from });
    telephones.push(telephone);
    return telephone;
  };
  try {
    const caller = await rings(0, "+33639980140");
    await camille.accepts();
    await camille.is("talking");
    await hears(caller, "camille");
    await hears(camille, "caller");
    const [page1, call] = [await camille.phone.getAttribute("data-node"), await camille.call.getAttribute("data-node")];
    expect(call, "the call is on the other machine").not.toBe(page1);
    await camille.presses("Faire patienter");
    await hearsMusic(caller);
    await camille.presses("Reprendre");
    await hears(caller, "camille");

    await helpline.stopNode(0, "SIGKILL");
    await expect(camille.talk).toContainText("L'appel est terminé.", { timeout: 60_000 });
    await camille.is("none");
    const other = await rings(1, "+33639980141");
    await expect(page.locator("#line > li")).toHaveCount(1);
    const back = await rings(1, "+33639980140");
    await expect(page.locator("#line > li")).toHaveCount(2);
    await expect(page.locator("#line > li").first()).toContainText("a été coupé et rappelle");
    await camille.becomes("available"); // she need not write up before
    await camille.accepts();
    await hears(back, "camille");
    await hearsMusic(other);
  } finally {
    for (const telephone of telephones) await telephone.hangsUp();
  }
  await camille.is("none");
});
