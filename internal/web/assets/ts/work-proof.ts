import { define, Live } from "./element";

/**
 * <work-proof data-challenge> inside a form: finds the number that the server asks for under a flood, in
 * slices so that the page never freezes, and sends the form again by itself. The challenge says how many
 * leading zero bits SHA-256 of "challenge.number" must have: "v1.act.bits.expires.nonce.signature". Until
 * it is found the field holds the challenge alone, which gets in too, after a wait.
 */
class WorkProof extends Live {
  protected started(): void {
    const status = this.querySelector<HTMLElement>("[data-proof-status]");
    if (status) status.textContent = status.dataset["working"] ?? "";
    void this.work();
  }

  private async work(): Promise<void> {
    const challenge = this.getAttribute("data-challenge") ?? "";
    const bits = Number(challenge.split(".")[2] ?? "0");
    const field = this.querySelector<HTMLInputElement>("input[name=proof]");
    const form = this.closest("form");
    if (!challenge || !field || !form || !crypto.subtle) return;
    const text = new TextEncoder();
    for (let n = 0; this.isConnected; n += 1) {
      const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", text.encode(`${challenge}.${n}`)));
      if (zeros(sum) < bits) continue;
      field.value = `${challenge}.${n}`;
      form.requestSubmit();
      return;
    }
  }
}

function zeros(sum: Uint8Array): number {
  let n = 0;
  for (const byte of sum) {
    if (byte === 0) {
      n += 8;
      continue;
    }
    return n + Math.clz32(byte) - 24;
  }
  return n;
}

define("work-proof", WorkProof);
