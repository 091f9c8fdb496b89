import { define, Live, sentence } from "./element";
import { place } from "./update";

// Passkeys (WebAuthn Level 3): the server gives options as JSON, the browser asks the device, and its
// answer goes back as JSON. A browser that cannot do it does not show the button.

interface Begun {
  ceremony?: string;
  options: { publicKey: never };
}

const able = typeof PublicKeyCredential !== "undefined" && "parseRequestOptionsFromJSON" in PublicKeyCredential;

async function ask(url: string, body: unknown): Promise<Response> {
  return fetch(url, { method: "POST", headers: { "Vigie-Script": "1", "Content-Type": "application/json" }, body: JSON.stringify(body), credentials: "same-origin" });
}

abstract class Passkey extends Live {
  protected started(): void {
    if (!able) return;
    this.hidden = false;
    this.on(this, "submit", (event) => event.preventDefault());
    this.on(this, "click", (event) => {
      if (event.target instanceof Element && event.target.closest("button")) void this.go();
    });
  }

  private async go(): Promise<void> {
    const form = this.querySelector("form");
    if (form && !form.reportValidity()) return;
    try {
      const begin = await ask(this.getAttribute("data-begin") ?? "", {});
      if (!begin.ok) {
        this.say(await sentence(begin));
        return;
      }
      const begun = (await begin.json()) as Begun;
      const credential = await this.credential(begun);
      const finish = await ask(this.getAttribute("data-finish") ?? "", {
        ceremony: begun.ceremony ?? "",
        name: form ? String(new FormData(form).get("name") ?? "") : "",
        response: (credential as PublicKeyCredential).toJSON(),
      });
      if (!finish.ok) {
        this.say(await sentence(finish));
        return;
      }
      if ((finish.headers.get("Content-Type") ?? "").startsWith("text/html")) {
        // What is placed holds this form too: whoever is still in it would keep it from being drawn anew.
        if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
        place(await finish.text());
        document.getElementById("recovery")?.scrollIntoView({ block: "nearest" });
        return;
      }
      location.assign(((await finish.json()) as { to: string }).to);
    } catch {
      this.say("");
    }
  }

  private say(words: string): void {
    const status = this.querySelector<HTMLElement>("[data-passkey-status]");
    if (status) status.textContent = words || (status.dataset["failed"] ?? "");
  }

  protected abstract credential(begun: Begun): Promise<Credential | null>;
}

class PasskeyLogin extends Passkey {
  protected credential(begun: Begun): Promise<Credential | null> {
    return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(begun.options.publicKey) });
  }
}

class PasskeyAdd extends Passkey {
  protected credential(begun: Begun): Promise<Credential | null> {
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(begun.options.publicKey) });
  }
}

define("passkey-login", PasskeyLogin);
define("passkey-add", PasskeyAdd);
