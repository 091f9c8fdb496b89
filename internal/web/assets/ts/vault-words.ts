// What the vault says: the sentences that the server has drawn into template[data-sentences], with sizes and times in the page's language.
import { VaultFault } from "./vault-format";
import * as store from "./vault-store";

export class Words {
  private sentences: Map<string, string> | undefined;

  constructor(private readonly root: ParentNode) {}

  /** A sentence with its {holes} filled. */
  say(code: string, holes: Record<string, string | number> = {}): string {
    const drawn = this.root.querySelector<HTMLTemplateElement>("template[data-sentences]")?.content.querySelectorAll<HTMLElement>("[data-code]") ?? [];
    this.sentences ??= new Map([...drawn].map((p) => [p.dataset["code"] ?? "", p.textContent ?? ""]));
    return (this.sentences.get(code) ?? "").replace(/\{(\w+)\}/g, (hole, name: string) => String(holes[name] ?? hole));
  }

  /** What went wrong, with the name of what it went wrong with. */
  async fault(fault: unknown, name = ""): Promise<string> {
    const code = fault instanceof VaultFault ? fault.code : "other";
    const space = code === "space" ? await store.free() : undefined;
    return this.say(`fault_${code}`, { name: name || this.say("no_name"), max: this.size(store.largest), free: space ? this.size(Math.max(0, space.quota - space.usage)) : "?" });
  }

  private get language(): string {
    return document.documentElement.lang || "fr";
  }

  size(bytes: number): string {
    const [unit, by] = bytes < 1e6 ? ["unit_kb", 1e3] : bytes < 1e9 ? ["unit_mb", 1e6] : ["unit_gb", 1e9];
    return this.say(unit as string, { n: Math.max(bytes > 0 ? 0.1 : 0, bytes / (by as number)).toLocaleString(this.language, { maximumFractionDigits: 1 }) });
  }

  time(at: string): string {
    const date = new Date(at);
    return Number.isNaN(date.getTime()) ? "?" : date.toLocaleString(this.language, { dateStyle: "long", timeStyle: "short" });
  }
}
