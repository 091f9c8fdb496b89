// A ring that nobody answers. It lasts two seconds here instead of twenty.
import { expect, test } from "./vigie";
import { Counsellor } from "./people";
import { childWaits, counsellorReady } from "./staff";

test.use({ settings: { VIGIE_OFFER_FOR: "2s" } });

test("who does not answer is set away and the next is rung; but never the last who is there", { tag: "@desk" }, async ({ someone }) => {
  const supervisor = new Counsellor(await someone());
  await supervisor.logsIn("dominique");
  const desks = [await counsellorReady(someone, "camille"), await counsellorReady(someone, "noe")];
  const child = await childWaits(someone);
  const state = (counsellor: Counsellor) => counsellor.page.locator(".presence-switch > summary");

  await expect.poll(async () => (await Promise.all(desks.map((desk) => desk.ring.count()))).join()).toMatch(/^(1,0|0,1)$/);
  const first = (await desks[0]!.ring.count()) ? desks[0]! : desks[1]!;
  const last = desks.find((desk) => desk !== first)!;
  await expect(last.ring).toHaveCount(1);
  await expect(first.ring).toHaveCount(0);
  await expect(state(first)).toHaveClass(/presence-away/);
  await expect(first.page.locator("#presence"), "she is told why").toContainText("Un contact a sonné sans réponse.");

  await expect(supervisor.page.locator("#desk-alert")).toContainText("Un contact n'a pas reçu de réponse.");
  await expect(last.ring, "it goes on ringing at the last one").toHaveCount(1);
  await expect(state(last)).toHaveClass(/presence-available/);
  await expect(child.state).toContainText("On appelle quelqu'un pour toi");

  await last.accepts();
  await expect(child.state).toContainText("Tu parles avec");
  await last.goesHome();
});
