import { define, Live, sentence } from "./element";
import { Client } from "./vault-client";
import { drawnBody, drawnItem, type Shown } from "./vault-draw";
import { exported } from "./vault-export";
import { bound, type Given, type Header, type Kind, longEnough, newID, open, openGiven, openMeta, readPrologue, sealGiven, VaultFault } from "./vault-format";
import { download, drawn, headOf, kindOf, mayShow, sniff, thumbOf } from "./vault-files";
import { upload } from "./upload";
import { declaredNow, peek, takeIn } from "./vault-inbox";
import type { Keys } from "./vault-key";
import * as store from "./vault-store";
import type { Incoming } from "./vault-work";
import { Words } from "./vault-words";

/** A vault closes when its page was hidden for so long. */
const hiddenFor = 60_000;
/** How often an open vault asks whether a proof is wanted. */
const asks = 8000;
/** The longest wait after a wrong passphrase, in seconds. */
const longestWait = 60;

type View = "paper" | "new" | "phrase" | "restore" | "locked" | "forgotten" | "open";

/** What the counsellor asks for, and what the house knows of what was handed over (web/public/vault.go). */
interface Talk {
  asked: { proof: string; what: string; warning: string; max: number; kinds: string[] } | null;
  given: { proof: string; opened: boolean; back: string }[];
}

/** What waits to come in. It is held by the page alone, so that closing the vault in between loses nothing. */
type Waiting = Omit<Queued, "id">;

/** The same once it is its turn: it has the id that it will have. */
type Queued = Omit<Incoming, "thumb">;

/** Something in the inbox, as it is shown; without a kind it does not open. */
interface Offered {
  seq: number;
  kind?: Kind;
  name: string;
  facts: string;
}

/**
 * <vault-box> is the vault: the views and panels that the server has drawn, one at a time. The keys live in its fields and nowhere else;
 * closing drops them, and with them every decrypted thing on the page. Its words come from template[data-sentences].
 */
class VaultBox extends Live {
  private header: Header | undefined;
  private keys: Keys | undefined;
  private readonly words = new Words(this);
  private readonly worker = new Client(() => this.getAttribute("data-worker") ?? "");

  private items: Shown[] = [];
  private urls: string[] = [];
  private looked: Shown | undefined;
  private queue: Queued[] = [];
  private draining: Promise<void> = Promise.resolve();
  /** Pictures, films and what may show some, of which it is not said yet that nobody is naked in them. */
  private unasked: Waiting[] = [];
  /** What was shared while the vault was locked, until she takes it or throws it away. */
  private offered: Offered[] = [];
  private exits = 0;
  /** How often the vault was closed: what began before does not open it. */
  private closings = 0;

  private talk: Talk = { asked: null, given: [] };
  private asking: ReturnType<typeof setTimeout> | undefined;
  private waiting: ReturnType<typeof setTimeout> | undefined;
  private away: ReturnType<typeof setTimeout> | undefined;
  private hiddenAt = 0;
  private drawing: Promise<void> = Promise.resolve();
  private readonly channel = "BroadcastChannel" in globalThis ? new BroadcastChannel("vigie-vault") : undefined;
  private suggestions: string[] = [];

  protected started(): void {
    if (!globalThis.crypto?.subtle || !("indexedDB" in globalThis) || !("Worker" in globalThis)) return;
    this.on(this, "click", (event) => this.clicked(event));
    this.on(this, "submit", (event) => {
      event.preventDefault();
      const form = event.target as HTMLFormElement;
      void this.submitted(form.dataset["form"] ?? "", form).catch((fault) => this.tell(this.faultOf(fault)));
    });
    this.on(this, "change", (event) => this.changed(event.target as HTMLElement));
    this.on(document, "paste", (event) => this.pasted(event));
    this.on(document, "visibilitychange", () => this.seen());
    this.hear(window, "pagehide", () => this.lock(""));
    this.hear(document, "freeze", () => this.lock("closed_hidden"));
    this.hear(document, "vigie:leaving", () => {
      this.exits++;
      this.queue = [];
      this.unasked = [];
      this.lock("");
      this.channel?.postMessage("lock");
    });
    // A newer build of the site waits while something is open or on its way in.
    this.hear(document, "vigie:may-update", (event) => {
      if (this.keys || this.queue.length > 0) event.preventDefault();
    });
    this.channel?.addEventListener("message", ({ data }: MessageEvent<string>) => void this.heard(data), { signal: this.leaving });
    for (const field of this.querySelectorAll<HTMLInputElement>("[data-secret]")) this.cover(field, true);
    void this.begin();
  }

  protected override stopped(): void {
    this.lock("");
  }

  // What is in view.

  private async begin(said = ""): Promise<void> {
    try {
      this.header = await store.readHeader();
    } catch {
      this.show("paper");
      return;
    }
    this.show(this.header ? "locked" : "new");
    this.tell(said);
    if (this.header) void this.countDown();
  }

  private show(view: View, focus = false): void {
    for (const section of this.querySelectorAll<HTMLElement>("[data-view]")) {
      section.hidden = section.dataset["view"] !== view;
      if (!section.hidden && focus) section.focus();
    }
    if (view !== "open") for (const status of this.querySelectorAll("[data-status]")) status.textContent = "";
    if (focus) scrollTo({ top: 0 });
  }

  private panel(name: string, focus = true): void {
    for (const panel of this.querySelectorAll<HTMLElement>("[data-panel]")) {
      panel.hidden = panel.dataset["panel"] !== name;
      if (!panel.hidden && focus) {
        panel.focus();
        scrollTo({ top: 0 });
      }
    }
    if (name !== "look" && name !== "give") this.unlook();
  }

  private get panelName(): string {
    return this.querySelector<HTMLElement>("[data-panel]:not([hidden])")?.dataset["panel"] ?? "list";
  }

  /** Says something in the view that is open. */
  private tell(words: string): void {
    const status = this.querySelector("[data-view]:not([hidden]) [data-status]");
    if (status && status.textContent !== words) status.textContent = words;
  }

  private faultOf(fault: unknown): string {
    void this.words.fault(fault).then((words) => this.tell(words));
    return "";
  }

  // What is pressed, typed and chosen.

  private clicked(event: Event): void {
    const button = (event.target as Element).closest<HTMLElement>("[data-do], [data-go]");
    if (!button) return;
    const go = button.dataset["go"];
    if (go === "start") void this.begin().then(() => this.querySelector<HTMLElement>("[data-view]:not([hidden])")?.focus());
    else if (go) {
      this.clear();
      this.show(go as View, true);
      if (go === "phrase") void this.suggest();
    }
    const item = this.items.find((i) => i.row.id === button.closest<HTMLElement>("[data-id]")?.dataset["id"]);
    const seq = Number(button.closest<HTMLElement>("[data-seq]")?.dataset["seq"]);
    const acts: Record<string, () => void | Promise<void>> = {
      suggest: () => this.suggest(),
      lock: () => {
        this.lock("closed_self", true);
        this.channel?.postMessage("lock");
      },
      back: () => {
        // What was shared stays sealed in the inbox; she finds it there.
        this.unasked = [];
        this.clear();
        this.panel("list");
        return this.readInbox();
      },
      "pick-camera": () => this.pick("camera"),
      "pick-gallery": () => this.pick("gallery"),
      "pick-any": () => this.pick("any"),
      paste: () => this.paste(),
      link: () => this.panel("link"),
      note: () => this.panel("note"),
      trace: () => this.refuse("trace"),
      "nude-no": () => this.takeUnasked(),
      "nude-yes": () => this.refuse("refused"),
      "nude-unsure": () => this.panel("unsure"),
      shared: () => this.panel("shared"),
      "shared-take": () => this.takeShared(seq),
      "shared-drop": () => this.dropShared(seq),
      export: () => this.export(),
      import: () => this.panel("import"),
      rephrase: () => {
        this.tell("");
        this.panel("rephrase");
      },
      look: () => (item ? this.look(item) : undefined),
      give: () => this.offerToGive(item ?? this.looked),
      "take-back": () => (item ? this.takeBack(item) : undefined),
      "take-out": () => this.takeOut(),
    };
    const act = acts[button.dataset["do"] ?? ""];
    if (act) void Promise.resolve(act()).catch((fault) => this.faultOf(fault));
  }

  private changed(target: HTMLElement): void {
    if (target instanceof HTMLInputElement && target.hasAttribute("data-show")) {
      for (const field of target.form?.querySelectorAll<HTMLInputElement>("[data-secret]") ?? []) this.cover(field, !target.checked);
    }
    const pick = target.getAttribute("data-pick");
    if (pick && target instanceof HTMLInputElement) {
      const files = [...(target.files ?? [])];
      target.value = "";
      void this.offer(files);
    }
  }

  /** Covers what is typed. A field for passwords would have the browser offer to keep it, so it is one only where nothing else covers. */
  private cover(field: HTMLInputElement, covered: boolean): void {
    if (CSS.supports("-webkit-text-security", "disc")) field.classList.toggle("vault-covered", covered);
    else field.type = covered ? "password" : "text";
  }

  private async submitted(name: string, form: HTMLFormElement): Promise<void> {
    if (form.hasAttribute("data-busy")) return;
    form.setAttribute("data-busy", "");
    const fields = new FormData(form);
    const field = (key: string): string => String(fields.get(key) ?? "");
    try {
      switch (name) {
        case "create":
          return await this.create(field("phrase"), field("again"));
        case "unlock":
          return await this.unlock(field("unlock"));
        case "restore":
          return await this.restore(fields.get("file") as File, field("restore"));
        case "import":
          return await this.import(fields.get("file") as File, field("import"));
        case "rephrase":
          return await this.rephrase(field("now"), field("next"), field("next-again"));
        case "erase":
          return await this.erase();
        case "remove":
          return await this.removeLooked();
        case "give":
          return await this.give();
        case "note":
        case "link":
        case "trace": {
          const text = this.written(name, field);
          if (text) this.enqueue([text]);
          form.reset();
          this.panel("list");
        }
      }
    } finally {
      form.removeAttribute("data-busy");
    }
  }

  /** What was written in one of the forms, as it comes in; undefined for nothing. */
  private written(form: string, field: (key: string) => string): Waiting | undefined {
    const lines = form === "trace" ? ["address", "account", "date", "text"].map((key) => [this.labelOf(`vault-trace-${key}`), field(key).trim()] as const).filter(([, said]) => said) : [];
    const text = form === "trace" ? lines.map(([label, said]) => `${label} : ${said}`).join("\n") : field("text").trim();
    if (!text) return undefined;
    return this.text(text, field("name").trim(), form === "link" ? "link" : "note");
  }

  private labelOf(id: string): string {
    return this.querySelector(`label[for="${id}"]`)?.textContent?.trim() ?? "";
  }

  private text(text: string, name: string, kind: Kind): Waiting {
    return { body: new Blob([text]), kind, name: name || (kind === "link" ? text.slice(0, 120) : (text.split("\n")[0] ?? "").slice(0, 80)), type: "text/plain", at: declaredNow() };
  }

  // Making, opening, closing.

  private async suggest(): Promise<void> {
    try {
      if (this.suggestions.length === 0) {
        const answer = await fetch(this.getAttribute("data-words") ?? "");
        if (!answer.ok) return;
        this.suggestions = (await answer.text()).split("\n").filter(Boolean);
      }
      const suggested = this.querySelector("[data-suggested]");
      if (suggested) suggested.textContent = Array.from({ length: 4 }, () => this.suggestions[drawn(this.suggestions.length)]).join(" ");
      this.querySelector<HTMLElement>("[data-suggest]")!.hidden = false;
    } catch {
      // Without a network she finds four words by herself.
    }
  }

  private async create(phrase: string, again: string): Promise<void> {
    if (!longEnough(phrase)) return this.tell(this.words.say("phrase_short"));
    if (!alike(phrase, again)) return this.tell(this.words.say("phrase_other"));
    this.tell(this.words.say("making"));
    const { closings } = this;
    const { header, keys } = await this.worker.run({ do: "create", phrase });
    if (!(await store.writeHeader(header))) {
      this.clear();
      await this.begin();
      return;
    }
    this.header = header;
    this.channel?.postMessage("made");
    void navigator.storage?.persist?.().then(() => this.drawSpace());
    await this.opened(keys, this.words.say("made"), closings);
  }

  private async unlock(phrase: string): Promise<void> {
    const header = (this.header = await store.readHeader()); // another tab may have changed the passphrase
    if (!header || (await this.countDown()) > 0 || !phrase) return;
    this.tell(this.words.say("opening"));
    const { closings } = this;
    const keys = await this.tried(() => this.worker.run({ do: "unlock", phrase, header }));
    if (keys) {
      await this.opened(keys, "", closings);
      return;
    }
    this.worker.close();
    this.tell(this.words.say("wrong"));
    void this.countDown("wait");
  }

  /** What a passphrase gives, or undefined for a wrong one. It is counted before it is tried, so that a reload in between is a try too. */
  private async tried<T>(work: () => Promise<T>): Promise<T | undefined> {
    const tries = await store.readTries();
    const wrong = tries.wrong + 1;
    const wait = (): Promise<void> => store.writeTries({ wrong, until: Date.now() + waitAfter(wrong) * 1000 });
    await wait();
    try {
      const done = await work();
      await store.writeTries({ wrong: 0, until: 0 });
      return done;
    } catch (fault) {
      if (fault instanceof VaultFault && fault.code === "wrong") {
        await wait();
        return undefined;
      }
      await store.writeTries(tries);
      throw fault;
    }
  }

  /** Puts the open vault under another passphrase. The one of now is asked for: an open vault may have been left lying about. */
  private async rephrase(phrase: string, next: string, again: string): Promise<void> {
    const { keys, header } = this;
    if (!keys || !header || !phrase) return;
    const { left } = await waiting();
    if (left > 0) return this.tell(this.words.say("slow_note", { n: left }));
    if (!longEnough(next)) return this.tell(this.words.say("phrase_short"));
    if (!alike(next, again)) return this.tell(this.words.say("rephrase_other"));
    this.tell(this.words.say("rephrasing"));
    const changed = await this.tried(() => this.worker.run({ do: "rewrap", phrase, header, next }));
    if (this.keys !== keys) return;
    if (!changed) return this.tell(this.words.say("rephrase_wrong"));
    if (!(await store.changeHeader(header, changed))) {
      this.header = await store.readHeader();
      return this.tell(this.words.say("rephrase_elsewhere"));
    }
    this.header = changed;
    this.channel?.postMessage("rephrased");
    this.clear();
    this.panel("list");
    this.tell(this.words.say("rephrased"));
  }

  /** Counts down to the next try, and says how many seconds are left. */
  private async countDown(code = "slow_note"): Promise<number> {
    clearTimeout(this.waiting);
    const { wrong, left } = await waiting();
    const button = this.querySelector<HTMLButtonElement>("[data-form=unlock] button[type=submit]");
    if (button) button.disabled = left > 0;
    if (this.querySelector<HTMLElement>("[data-view=locked]")?.hidden || wrong === 0) return Math.max(0, left);
    if (left > 0) {
      this.tell(this.words.say(code, { n: left }));
      this.waiting = setTimeout(() => void this.countDown(code), 1000);
      return left;
    }
    if (this.querySelector("[data-view=locked] [data-status]")?.textContent === this.words.say(code, { n: 1 })) this.tell(this.words.say("wrong"));
    return 0;
  }

  private async opened(keys: Keys, said: string, closings: number): Promise<void> {
    if (this.closings !== closings) {
      await this.begin();
      return;
    }
    this.keys = keys;
    this.clear();
    this.panel("list", false);
    this.show("open", true);
    this.tell(said);
    await this.draw();
    void store.sweep().catch(() => {});
    void this.drawSpace();
    void this.ask();
    await this.readInbox();
    if (this.keys !== keys) return;
    if (this.unasked.length > 0) this.askNude();
    else if (this.offered.length > 0) this.panel("shared");
    await this.drain();
  }

  /** Closes the vault: the keys, the worker and everything decrypted are gone when this returns. */
  private lock(said: string, focus = false): void {
    const was = this.keys !== undefined;
    this.closings++;
    this.keys = undefined;
    this.worker.close();
    clearTimeout(this.asking);
    clearTimeout(this.away);
    this.talk = { asked: null, given: [] };
    this.unlook();
    for (const url of this.urls.splice(0)) URL.revokeObjectURL(url);
    this.items = [];
    this.querySelector("[data-items]")?.replaceChildren();
    // What came from the inbox is still there, sealed.
    const ownHands = (w: Waiting): boolean => w.taken === undefined;
    this.unasked = this.unasked.filter(ownHands);
    this.queue = this.queue.filter(ownHands);
    this.offered = [];
    this.drawShared();
    this.clear();
    if (!was) return;
    this.show("locked", focus);
    const waits = this.queue.length + this.unasked.length > 0;
    if (said) this.tell(this.words.say(waits ? "waiting_files" : said));
  }

  /** Empties every field, and what was said. */
  private clear(): void {
    for (const form of this.querySelectorAll("form")) form.reset();
    for (const field of this.querySelectorAll<HTMLInputElement>("[data-secret]")) this.cover(field, true);
    for (const status of this.querySelectorAll("[data-status], [data-suggested], [data-give-name], [data-nude-what], [data-asked-what]")) status.textContent = "";
  }

  private async erase(): Promise<void> {
    await store.erase();
    this.channel?.postMessage("erased");
    this.clear();
    await this.begin();
  }

  private seen(): void {
    clearTimeout(this.away);
    if (document.visibilityState === "hidden") {
      this.hiddenAt = Date.now();
      this.away = setTimeout(() => void this.lockHidden(), hiddenFor);
    } else if (this.keys && this.hiddenAt && Date.now() - this.hiddenAt >= hiddenFor) {
      // A telephone that slept has let no timer run.
      void this.lockHidden();
    } else if (this.keys) {
      void this.ask();
    }
  }

  /** Closes after a minute out of sight. What was being written comes in first. */
  private async lockHidden(): Promise<void> {
    if (!this.keys) return;
    const form = this.querySelector<HTMLFormElement>(`[data-form="${this.panelName}"]`);
    if (form && ["note", "link", "trace"].includes(this.panelName)) {
      const fields = new FormData(form);
      const text = this.written(this.panelName, (key) => String(fields.get(key) ?? ""));
      if (text) {
        text.name = `${this.words.say("saved_draft")} · ${text.name}`;
        this.queue.push({ ...text, id: newID() });
        form.reset();
        await Promise.race([this.drain(), new Promise((done) => setTimeout(done, 5000))]);
      }
    }
    this.lock("closed_hidden");
    this.hiddenAt = 0;
  }

  private async heard(what: string): Promise<void> {
    if (what === "lock") this.lock("closed_self");
    else if (what === "erased") {
      this.lock("");
      await this.begin(this.words.say("elsewhere_erased"));
    } else if (what === "made" && !this.keys) await this.begin();
    else if (what === "rephrased") this.header = await store.readHeader();
    else if (what === "changed" && this.keys) {
      await this.draw();
      await this.readInbox();
      if (this.panelName === "shared" && this.offered.length === 0) this.panel("list");
      void this.drawSpace();
    }
  }

  // What is in it.

  /** Draws the list anew; one drawing after another. */
  private draw(): Promise<void> {
    return (this.drawing = this.drawing.then(() => this.drawNow()).catch(() => {}));
  }

  private async drawNow(): Promise<void> {
    const { keys, header } = this;
    if (!keys || !header) return;
    const items: Shown[] = [];
    const drawn: HTMLElement[] = [];
    const urls: string[] = [];
    // Newest first: by the order in which they came in, whatever a clock said.
    for (const row of (await store.rows()).reverse()) {
      const shown: Shown = { row, given: [] };
      try {
        shown.meta = await openMeta(keys.data, header.vault, row.id, new Uint8Array(row.meta));
        if (row.given) shown.given = await openGiven(keys.data, header.vault, row.id, new Uint8Array(row.given)).catch(() => []);
      } catch {
        // It is shown as what it is: changed.
      }
      items.push(shown);
      drawn.push(await drawnItem(this.querySelector<HTMLTemplateElement>("template[data-item]"), this.words, keys, header, shown, urls));
    }
    if (this.keys !== keys) {
      for (const url of urls) URL.revokeObjectURL(url);
      return;
    }
    const list = this.querySelector<HTMLElement>("[data-items]");
    const focused = (document.activeElement as HTMLElement | null)?.closest<HTMLElement>("[data-id]")?.dataset["id"];
    for (const url of this.urls.splice(0)) URL.revokeObjectURL(url);
    this.urls = urls;
    this.items = items;
    list?.replaceChildren(...drawn);
    if (focused) list?.querySelector<HTMLElement>(`[data-id="${focused}"] button`)?.focus();
    this.querySelector<HTMLElement>("[data-empty]")!.hidden = items.length > 0;
    this.drawGiving();
  }

  private async drawSpace(): Promise<void> {
    const [space, kept] = await Promise.all([store.free(), navigator.storage?.persisted?.().catch(() => false)]);
    const put = (name: string, words: string): void => {
      const p = this.querySelector(`[data-${name}]`);
      if (p) p.textContent = words;
    };
    put("space", space ? this.words.say("space_left", { used: this.words.size(space.usage), free: this.words.size(Math.max(0, space.quota - space.usage)) }) : this.words.say("space_unknown"));
    put("persist", this.words.say(kept ? "persisted" : "not_persisted"));
  }

  private async look(item: Shown): Promise<void> {
    const { keys, header } = this;
    const { meta } = item;
    if (!keys || !header) return;
    if (!meta) return this.tell(this.words.say("fault_tampered"));
    this.tell(this.words.say("reading"));
    const body = await this.worker.run({ do: "read", keys, vault: header.vault, id: item.row.id, meta });
    if (this.keys !== keys) return;
    this.tell("");
    this.panel("look");
    this.looked = item;
    const put = (name: string, words: string): void => {
      const place = this.querySelector(`[data-look-${name}]`);
      if (place) place.textContent = words;
    };
    put("name", meta.name || this.words.say("no_name"));
    put("at", this.words.time(meta.at));
    put("size", this.words.size(meta.size));
    put("sum", meta.sha256);
    const { shown, url } = await drawnBody(this.words, meta, body);
    // Closed, or gone on to another, meanwhile.
    if (this.looked !== item) {
      if (url) URL.revokeObjectURL(url);
      return;
    }
    this.lookURL = url;
    this.querySelector("[data-look]")?.replaceChildren(shown);
    this.drawGiving();
  }

  private lookURL = "";

  private unlook(): void {
    this.looked = undefined;
    if (this.lookURL) URL.revokeObjectURL(this.lookURL);
    this.lookURL = "";
    this.querySelector("[data-look]")?.replaceChildren();
    for (const place of this.querySelectorAll("[data-look-name], [data-look-at], [data-look-size], [data-look-sum]")) place.textContent = "";
  }

  private async removeLooked(): Promise<void> {
    const item = this.looked;
    if (!item) return;
    await store.remove(item.row.id);
    this.clear();
    this.panel("list");
    this.tell(this.words.say("removed"));
    this.channel?.postMessage("changed");
    await this.draw();
    void this.drawSpace();
  }

  private async takeOut(): Promise<void> {
    const { keys, header, looked } = this;
    if (!keys || !header || !looked?.meta) return;
    const body = await this.worker.run({ do: "read", keys, vault: header.vault, id: looked.row.id, meta: looked.meta });
    const text = looked.meta.kind === "note" || looked.meta.kind === "link";
    download(body, text ? "note.txt" : looked.meta.name || "fichier");
    this.tell(this.words.say("copied_to_device"));
  }

  // What comes in.

  private pick(which: string): void {
    this.querySelector<HTMLInputElement>(`[data-pick="${which}"]`)?.click();
  }

  /** Takes files that were chosen or pasted: what may show somebody waits for the answer, whatever type it says to be. */
  private async offer(files: readonly File[]): Promise<void> {
    const { exits } = this;
    const at = declaredNow();
    const heads = await Promise.all(files.map(headOf));
    if (this.exits !== exits) return;
    const all = files.map((file, i): [Waiting, boolean] => {
      const head = heads[i] as Uint8Array;
      return [{ body: file, kind: kindOf(head, file.type), name: file.name, type: file.type, at }, file.size > 0 && mayShow(head)];
    });
    this.unasked.push(...all.filter(([, asks]) => asks).map(([w]) => w));
    this.enqueue(all.filter(([, asks]) => !asks).map(([w]) => w));
    if (this.unasked.length > 0) {
      if (this.keys) this.askNude();
      else this.tell(this.words.say("waiting_files"));
    }
  }

  private askNude(): void {
    const what = this.querySelector("[data-nude-what]");
    if (what) what.textContent = this.unasked.map((w) => w.name || this.words.say(`kind_${w.kind}`)).join(", ");
    this.tell("");
    this.panel("nude");
  }

  private takeUnasked(): void {
    const all = this.unasked;
    this.unasked = [];
    this.panel(all.some((w) => w.taken !== undefined) && this.offered.length > 0 ? "shared" : "list");
    this.enqueue(all);
  }

  /** Nothing of what was asked about comes in, and nothing of it stays: neither on the page nor, sealed, in the inbox. */
  private async refuse(panel: string): Promise<void> {
    for (const { taken } of this.unasked) if (taken !== undefined) await store.takeFromInbox(taken);
    const shared = this.unasked.some((w) => w.taken !== undefined);
    this.unasked = [];
    this.panel(panel);
    if (!shared) return;
    this.channel?.postMessage("changed");
    await this.readInbox();
  }

  private enqueue(all: readonly Waiting[]): void {
    this.queue.push(...all.map((w) => ({ ...w, id: newID() })));
    if (this.keys) void this.drain();
    else if (all.length > 0) this.tell(this.words.say("waiting_files"));
  }

  /** Takes in what waits; one taking after another, so that what comes while the list is drawn is not left waiting. */
  private drain(): Promise<void> {
    return (this.draining = this.draining.catch(() => {}).then(() => this.drainNow()));
  }

  private async drainNow(): Promise<void> {
    let added = 0;
    let refused = "";
    while (this.queue.length > 0 && this.keys && this.header) {
      const { keys, header } = this;
      const next = this.queue[0] as Queued;
      try {
        if (!(await store.hasItem(next.id))) await store.roomFor(next.body.size);
        const thumb = next.kind === "picture" ? await thumbOf(next.body) : undefined;
        this.tell(this.queue.length > 1 ? this.words.say("adding_n", { n: this.queue.length }) : this.words.say("adding", { name: next.name, n: 0 }));
        await this.worker.run({ do: "add", keys, vault: header.vault, incoming: { ...next, ...(thumb ? { thumb } : {}) } }, (n, of) => {
          this.tell(this.words.say("adding", { name: next.name, n: Math.floor((100 * n) / of) }));
        });
        added++;
        this.channel?.postMessage("changed");
      } catch (fault) {
        // Closed in between: it waits for the vault to be opened again.
        if (this.keys !== keys) return;
        refused = await this.words.fault(fault, next.name);
      }
      if (this.queue[0] === next) this.queue.shift();
    }
    if (!this.keys || added === 0 && !refused) return;
    this.tell([refused, added > 1 ? this.words.say("added_many", { n: added }) : added === 1 ? this.words.say("added") : ""].filter(Boolean).join(" "));
    await this.draw();
    await this.readInbox();
    void this.drawSpace();
  }

  private pasted(event: ClipboardEvent): void {
    if (!this.keys || (event.target as Element | null)?.closest?.("input, textarea") || this.panelName !== "list") return;
    const files = [...(event.clipboardData?.files ?? [])];
    const text = event.clipboardData?.getData("text/plain") ?? "";
    event.preventDefault();
    this.takePasted(files, text);
  }

  private takePasted(files: readonly File[], text: string): void {
    if (files.length > 0) void this.offer(files);
    else if (text.trim()) this.enqueue([this.text(text.trim(), "", linkOrNote(text))]);
    else this.tell(this.words.say("pasted_nothing"));
  }

  private async paste(): Promise<void> {
    try {
      const files: File[] = [];
      let text = "";
      for (const thing of await navigator.clipboard.read()) {
        const type = thing.types.find((t) => t.startsWith("image/"));
        if (type) files.push(new File([await thing.getType(type)], "", { type }));
        else if (thing.types.includes("text/plain")) text += await (await thing.getType("text/plain")).text();
      }
      this.takePasted(files, text);
    } catch {
      this.tell(this.words.say("paste_refused"));
    }
  }

  // What was shared while the vault was closed. Another site can have the browser share, so nothing comes in by itself.

  /** Looks into the inbox: the names and first bytes of what lies there, and no body. */
  private async readInbox(): Promise<void> {
    const { keys } = this;
    if (!keys) return;
    const offered: Offered[] = [];
    for (const left of await store.inbox().catch(() => [])) {
      let one: Offered = { seq: left.seq, name: this.words.say("inbox_unread"), facts: "" };
      try {
        const { name, type, text, at, size, head } = await peek(left, keys.inbox);
        const words = text ? new TextDecoder().decode(head) : "";
        const kind = text ? linkOrNote(words) : kindOf(head, type);
        one = { seq: left.seq, kind, name: text ? words.trim().slice(0, 200) : name || this.words.say("no_name"), facts: [this.words.say(`kind_${kind}`), this.words.size(size), this.words.time(at)].join(" · ") };
      } catch {
        // It is shown as what it is, and stays until she throws it away.
      }
      if (this.keys !== keys) return;
      offered.push(one);
    }
    if (this.keys !== keys) return;
    const underWay = this.unasked.concat(this.queue);
    this.offered = offered.filter(({ seq }) => !underWay.some((w) => w.taken === seq));
    this.drawShared();
  }

  private drawShared(): void {
    const list = this.querySelector("[data-shared]");
    const template = this.querySelector<HTMLTemplateElement>("template[data-shared-item]");
    list?.replaceChildren(
      ...this.offered.map(({ seq, kind, name, facts }) => {
        const li = (template?.content.firstElementChild?.cloneNode(true) ?? document.createElement("li")) as HTMLElement;
        const part = (which: string): HTMLElement => li.querySelector<HTMLElement>(which) ?? li;
        li.dataset["seq"] = String(seq);
        part("[data-name]").textContent = name;
        part("[data-name]").id = `vault-shared-${seq}`;
        part("[data-facts]").textContent = facts;
        part(`[data-icon="${kind ?? "refused"}"]`).hidden = false;
        part("[data-do=shared-take]").hidden = !kind;
        for (const button of li.querySelectorAll("button")) button.setAttribute("aria-describedby", `vault-shared-${seq}`);
        return li;
      }),
    );
    const waits = this.querySelector<HTMLElement>("[data-shared-waits]");
    if (waits) waits.hidden = this.offered.length === 0;
  }

  /** Takes one thing out of the inbox, because she said so. It leaves it in the transaction that puts the item; pictures are asked about first. */
  private async takeShared(seq: number): Promise<void> {
    const { keys } = this;
    if (!keys || this.unasked.concat(this.queue).some((w) => w.taken === seq)) return;
    const left = await store.fromInbox(seq);
    if (!left) throw new VaultFault("elsewhere");
    let shared: Waiting;
    let asks = false;
    try {
      const { body, name, type, text, at } = await takeIn(left, keys.inbox);
      const words = text ? await body.text() : "";
      const head = await headOf(body);
      asks = !text && mayShow(head);
      shared = text ? { ...this.text(words, "", linkOrNote(words)), at, taken: seq } : { body, kind: kindOf(head, type), name, type, at, taken: seq };
    } catch {
      if (this.keys === keys) this.tell(this.words.say("inbox_refused"));
      return;
    }
    if (this.keys !== keys || this.unasked.concat(this.queue).some((w) => w.taken === seq)) return;
    this.offered = this.offered.filter((o) => o.seq !== seq);
    this.drawShared();
    if (asks) {
      this.unasked.push(shared);
      this.askNude();
      return;
    }
    this.panel(this.offered.length > 0 ? "shared" : "list");
    this.enqueue([shared]);
  }

  private async dropShared(seq: number): Promise<void> {
    await store.takeFromInbox(seq);
    this.channel?.postMessage("changed");
    await this.readInbox();
    this.panel(this.offered.length > 0 ? "shared" : "list");
    this.tell(this.words.say("inbox_dropped"));
    void this.drawSpace();
  }

  // One file with everything.

  private async export(): Promise<void> {
    const { keys } = this;
    const header = await store.readHeader(); // another tab may have changed the passphrase
    if (!keys || !header) return;
    this.tell(this.words.say("exporting"));
    const file = await exported(keys.data, header);
    if (this.keys !== keys) return;
    download(file, `${this.getAttribute("data-export")}-${declaredNow().slice(0, 10)}.bin`);
    this.tell(this.words.say("exported"));
  }

  private async import(file: File, phrase: string): Promise<void> {
    const { keys, header } = this;
    if (!keys || !header) return;
    const result = await this.worker.run({ do: "import", keys, vault: header.vault, file, phrase }, (n, of) => this.tell(this.words.say("importing", { n: Math.floor((100 * n) / of) })));
    this.channel?.postMessage("changed");
    this.clear();
    this.panel("list");
    this.tell(this.words.say("imported", { n: result.added, there: result.there, refused: result.refused }));
    await this.draw();
    void this.drawSpace();
  }

  private async restore(file: File, phrase: string): Promise<void> {
    const { header } = await readPrologue(file);
    const space = await store.free();
    if (space && space.quota - space.usage < store.spaceFor(file.size)) throw new VaultFault("space");
    this.tell(this.words.say("opening"));
    const { closings } = this;
    const keys = await this.worker.run({ do: "unlock", phrase, header });
    if (!(await store.writeHeader(header))) {
      this.clear();
      await this.begin();
      return;
    }
    this.header = header;
    this.channel?.postMessage("made");
    void navigator.storage?.persist?.();
    let said: string;
    try {
      const result = await this.worker.run({ do: "import", keys, vault: header.vault, file, phrase }, (n, of) => this.tell(this.words.say("importing", { n: Math.floor((100 * n) / of) })));
      said = this.words.say("restored", { n: result.added, refused: result.refused });
    } catch (fault) {
      said = await this.words.fault(fault);
    }
    await this.opened(keys, said, closings);
  }

  // Handing over.

  /** Asks the house, while the vault is open, whether the counsellor wants a proof and what became of those that were given. */
  private async ask(): Promise<void> {
    clearTimeout(this.asking);
    const { keys } = this;
    if (!keys || document.visibilityState === "hidden") return;
    try {
      const answer = await fetch(this.getAttribute("data-chat") ?? "", { headers: { "Vigie-Script": "1" }, credentials: "same-origin", cache: "no-store" });
      if (this.keys !== keys) return;
      // Without a conversation nobody is asked again before she comes back to this page.
      if (answer.status === 401 || answer.status === 404) {
        this.talk = { asked: null, given: [] };
        this.drawGiving();
        return;
      }
      if (answer.ok) {
        this.talk = (await answer.json()) as Talk;
        if (this.keys !== keys) return;
        this.drawGiving();
      }
    } catch {
      // No network: what is here is here.
    }
    this.asking = setTimeout(() => void this.ask(), asks);
  }

  /** Shows what may be given, what was, and what may be taken back. */
  private drawGiving(): void {
    const { asked } = this.talk;
    this.querySelector<HTMLElement>("[data-asked]")!.hidden = !asked;
    const what = this.querySelector("[data-asked-what]");
    if (what) what.textContent = asked?.what ?? "";
    for (const item of this.items) {
      const li = this.querySelector<HTMLElement>(`[data-id="${item.row.id}"]`);
      if (!li) continue;
      const [give, back, list] = [li.querySelector<HTMLElement>("[data-do=give]"), li.querySelector<HTMLElement>("[data-do=take-back]"), li.querySelector<HTMLElement>("[data-given]")];
      if (give) give.hidden = !this.mayGive(item);
      if (back) back.hidden = !this.backOf(item);
      if (list) {
        list.hidden = item.given.length === 0;
        list.replaceChildren(
          ...item.given.map((g) => {
            const known = this.talk.given.find((k) => k.proof === g.proof);
            const at = known?.back || g.back;
            const line = document.createElement("li");
            line.textContent = at ? this.words.say("given_back", { when: this.words.time(at) }) : this.words.say(known?.opened ? "given_open" : "given_at", { when: this.words.time(g.at) });
            return line;
          }),
        );
      }
    }
    const give = this.querySelector<HTMLElement>("[data-panel=look] [data-do=give]");
    if (give) give.hidden = !this.looked || !this.mayGive(this.looked);
  }

  private mayGive(item: Shown): boolean {
    return !!this.talk.asked && !!item.meta && !item.given.some((g) => g.proof === this.talk.asked?.proof && !g.back);
  }

  /** The proof of an item that nobody has opened yet. */
  private backOf(item: Shown): string {
    return item.given.find((g) => !g.back && this.talk.given.some((k) => k.proof === g.proof && !k.opened && !k.back))?.proof ?? "";
  }

  /** Says before anything is sent what cannot be given; asks for the rest. */
  private async offerToGive(item: Shown | undefined): Promise<void> {
    const { asked } = this.talk;
    const { keys, header } = this;
    if (!asked || !item?.meta || !keys || !header) return;
    if (item.meta.size > asked.max) return this.tell(this.words.say("give_large", { max: this.words.size(asked.max) }));
    const head = await open(keys.data, await store.chunk(item.row.id, 0), bound.chunk(header.vault, item.row.id, item.meta.kind, 0, item.row.chunks === 1));
    if (!asked.kinds.includes(sniff(head))) return this.tell(this.words.say("give_kind"));
    const put = (name: string, words: string): void => {
      const place = this.querySelector(`[data-give-${name}]`);
      if (place) place.textContent = words;
    };
    this.tell("");
    this.panel("give");
    this.looked = item;
    put("name", item.meta.name || this.words.say("no_name"));
    put("what", asked.what);
    put("warning", asked.warning);
  }

  private async give(): Promise<void> {
    const { keys, header, looked } = this;
    const { asked } = this.talk;
    if (!keys || !header || !looked?.meta || !asked) return;
    const meta = looked.meta;
    const body = await this.worker.run({ do: "read", keys, vault: header.vault, id: looked.row.id, meta });
    const form = new FormData();
    form.append("sure", "yes");
    form.append("vault_sha256", meta.sha256);
    form.append("vault_at", meta.at);
    form.append("file", new File([body], meta.name || "image", { type: meta.type }));
    let answer: Response;
    try {
      answer = await upload((this.getAttribute("data-file") ?? "") + asked.proof, form, (n) => this.tell(this.words.say("give_sending", { n })));
    } catch {
      return this.tell(this.words.say("give_failed"));
    }
    if (!answer.ok) return this.tell((await sentence(answer)) || this.words.say("give_failed"));
    const { at, match } = (await answer.json()) as { at: string; match: boolean };
    await this.noteGiven(keys, header, looked.row.id, (given) => [...given.filter((g) => g.proof !== asked.proof), { proof: asked.proof, at, match }]);
    this.clear();
    if (this.keys !== keys) return;
    this.panel("list");
    this.tell(this.words.say(match ? "given_match" : "given_differs"));
    await this.draw();
    await this.ask();
  }

  private async takeBack(item: Shown): Promise<void> {
    const { keys, header } = this;
    const proof = this.backOf(item);
    if (!keys || !header || !proof) return;
    let answer: Response;
    try {
      answer = await fetch(`${this.getAttribute("data-file")}${proof}/back`, { method: "POST", headers: { "Vigie-Script": "1" }, credentials: "same-origin" });
    } catch {
      return this.tell(this.words.say("give_failed"));
    }
    if (!answer.ok) {
      this.tell((await sentence(answer)) || this.words.say("fault_other"));
      await this.ask();
      return;
    }
    const { at } = (await answer.json()) as { at: string };
    await this.noteGiven(keys, header, item.row.id, (given) => given.map((g) => (g.proof === proof ? { ...g, back: at } : g)));
    this.tell(this.words.say("back_done"));
    await this.draw();
    await this.ask();
  }

  private async noteGiven(keys: Keys, header: Header, id: string, change: (given: Given[]) => Given[]): Promise<void> {
    for (let tries = 0; tries < 5; tries++) {
      const row = await store.row(id);
      if (!row) return;
      const before = row.given ? await openGiven(keys.data, header.vault, id, new Uint8Array(row.given)).catch(() => []) : [];
      if (await store.putGiven(id, row.given, await sealGiven(keys.data, header.vault, id, change(before)))) break;
    }
    this.channel?.postMessage("changed");
  }
}

const linkOrNote = (text: string): Kind => (/^https?:\/\/\S+$/i.test(text.trim()) ? "link" : "note");

/** How often the passphrase was wrong, and the seconds left until the next try. A clock that was put back makes nobody wait longer than the wait itself. */
async function waiting(): Promise<{ wrong: number; left: number }> {
  const { wrong, until } = await store.readTries().catch(() => ({ wrong: 0, until: 0 }));
  return { wrong, left: Math.ceil(Math.min(waitAfter(wrong), (until - Date.now()) / 1000)) };
}

/** Whether what was typed twice is one passphrase. */
const alike = (phrase: string, again: string): boolean => phrase.normalize("NFKC").trim() === again.normalize("NFKC").trim();

/** Seconds that the next try waits after so many wrong ones. */
function waitAfter(wrong: number): number {
  return wrong === 0 ? 0 : Math.min(longestWait, 2 ** (wrong - 1));
}

define("vault-box", VaultBox);
