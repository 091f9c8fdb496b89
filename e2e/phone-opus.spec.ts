// A caller whose telephone speaks Opus: it is passed on as it is while two talk, and read where it has to be.
import { baresipIsMissing, expect, hears, test, type PhoneDesk } from "./calls";

test.skip(baresipIsMissing && !process.env.VIGIE_FORBID_SKIPS, "not run without another maker's telephone (apt-get install baresip)");

/** What a desk's browser sends and hears now, by its own account. */
async function codecs(desk: PhoneDesk): Promise<string[]> {
  return desk.page.evaluate(async () => {
    const { vigieLines } = window as unknown as { vigieLines: RTCPeerConnection[] };
    const said = new Set<string>();
    for (const pc of vigieLines) {
      const report = await pc.getStats();
      const before = new Map<string, number>();
      report.forEach((s) => before.set(s.id, s.packetsReceived ?? s.packetsSent ?? 0));
      await new Promise((later) => setTimeout(later, 300));
      const after = await pc.getStats();
      after.forEach((s) => {
        if (!["inbound-rtp", "outbound-rtp"].includes(s.type)) return;
        if ((s.packetsReceived ?? s.packetsSent ?? 0) > (before.get(s.id) ?? 0)) said.add(`${s.type === "inbound-rtp" ? "hears" : "says"} ${after.get(s.codecId)?.mimeType}`);
      });
    }
    return [...said].sort();
  });
}

test("Opus is passed on as it comes, and gives way to what others need", { tag: "@desk" }, async ({ desk, rings, ringsInOpus }) => {
  test.setTimeout(180_000);
  const camille = await desk("camille");
  const caller = await ringsInOpus();
  await expect(camille.ring, "the greeting is over").toBeVisible({ timeout: 60_000 });
  await camille.accepts();
  await camille.is("talking");
  await hears(camille, "caller");
  await expect.poll(() => codecs(camille), { timeout: 20_000 }).toEqual(["hears audio/opus", "says audio/opus"]);
  await caller.hearsIn("opus");
  await hears(camille, "caller");

  await camille.presses("Faire patienter"); // our music is not made in Opus
  await camille.is("hold");
  await caller.hearsIn("PCMA");
  await hears(camille);
  await camille.presses("Reprendre");
  await camille.is("talking");
  await caller.hearsIn("opus");
  await hears(camille, "caller");

  await camille.presses("Raccrocher");
  await camille.is("none");
  await camille.goesHome();
  await camille.becomes("available");
  const line = await rings({ from: "+33639980102" }); // her telephone has no Opus
  await camille.accepts();
  await camille.is("talking");
  await hears(camille, "caller");
  await expect.poll(() => codecs(camille), { timeout: 20_000 }).toEqual(["hears audio/PCMA", "says audio/PCMA"]);
  await hears(line, "camille");
});
