// What our custom elements share. They live in the light DOM, on HTML that the server has already
// written: an element adds quickness to what works without it, and words come from attributes, in the
// reader's language.

import { parse } from "./html";
import { uuid } from "./uuid";

/** Base of every element: what listens while it is on the page stops when it leaves. */
export abstract class Live extends HTMLElement {
  private ending: AbortController | undefined;

  connectedCallback(): void {
    // A parser may connect an element before its children are there.
    if (document.readyState === "loading") {
      document.addEventListener("DOMContentLoaded", () => this.isConnected && this.start(), { once: true });
    } else {
      this.start();
    }
  }

  disconnectedCallback(): void {
    this.ending?.abort();
    this.ending = undefined;
    this.stopped();
  }

  private start(): void {
    if (this.ending) return;
    this.ending = new AbortController();
    this.started();
  }

  /** Ends when the element leaves the page; give it to listeners and requests. */
  protected get leaving(): AbortSignal {
    return (this.ending ??= new AbortController()).signal;
  }

  protected on<K extends keyof DocumentEventMap>(target: EventTarget, type: K, listener: (event: DocumentEventMap[K]) => void, options?: AddEventListenerOptions): void {
    target.addEventListener(type, listener as EventListener, { ...options, signal: this.leaving });
  }

  /** Listens to our own and to window's events by name. */
  protected hear(target: EventTarget, type: string, listener: (event: Event) => void): void {
    target.addEventListener(type, listener, { signal: this.leaving });
  }

  protected abstract started(): void;
  protected stopped(): void {}
}

export function define(name: string, element: CustomElementConstructor): void {
  if (!customElements.get(name)) customElements.define(name, element);
}

/** Waits longer after each failure, never the same for all: 1 s, 2 s, 4 s… up to 30 s, ±30 %. */
export function backoff(failures: number): number {
  return Math.min(30_000, 1000 * 2 ** Math.max(0, failures - 1)) * (0.7 + Math.random() * 0.6);
}

/** The mark of this tab: what it saved itself need not be told to it. */
export const screen = uuid();

/** Posts a small form as our scripts do: the server answers 204, or pieces of page, or a sentence. */
export function post(url: string, fields: Record<string, string>, options: RequestInit = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "Vigie-Script": "1", "Vigie-Screen": screen },
    body: new URLSearchParams(fields),
    credentials: "same-origin",
    redirect: "follow",
    ...options,
  });
}

/** The sentence of a refusal: a plain text body is the sentence itself; anything else has none. */
export async function sentence(response: Response): Promise<string> {
  const text = await response.text().catch(() => "");
  const kind = response.headers.get("Content-Type") ?? "";
  if (kind.startsWith("text/plain")) return text.trim();
  if (!/^\s*<(!doctype|html)/i.test(text)) return "";
  return parse(text).querySelector("main .lead")?.textContent?.trim() ?? "";
}
