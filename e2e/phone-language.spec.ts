// A caller who chooses English by a key: it rings at the desk of who speaks it, and the desk says so.
import { baresipIsMissing, expect, hears, test } from "./calls";

test.skip(baresipIsMissing && !process.env.VIGIE_FORBID_SKIPS, "not run without an outside telephone (apt-get install baresip)");

test("a caller presses 8: it rings where English is spoken, and the desk says so", { tag: "@desk" }, async ({ desk, rings }) => {
  test.setTimeout(120_000);
  const camille = await desk("camille");
  const noe = await desk("noe");
  const caller = await rings({ from: "+33639980131", keys: "1s:8,3s:5" });
  await expect(noe.page.locator("body")).toContainText("parle anglais", { timeout: 20_000 });
  await camille.is("none");
  await noe.accepts();
  await noe.is("talking");
  await expect(noe.call).toContainText("parle anglais");
  await hears(caller, "noe");
  await hears(noe, "caller");
});
