import { backoff, define, Live } from "./element";
import { place } from "./update";

/**
 * <live-stream src="/chat/live"> holds the one event stream of this tab. `update` events carry pieces of
 * page (update.ts); any other event is dispatched on document as "vigie:<name>" with its data. It goes on in
 * the background, comes back after any break (longer and longer apart, with some chance in it), and
 * gives the id of the last event it saw, as Last-Event-ID where the browser does and as ?after= where we
 * open anew. [data-live-status] says in words when the line is lost and when it is back.
 */
class LiveStream extends Live {
  private source: EventSource | undefined;
  private last = "";
  private failures = 0;
  private timer = 0;
  private silence = 0;
  private telling = 0;
  private lost = false;

  protected started(): void {
    this.open();
    this.hear(window, "online", () => this.hurry());
    this.on(document, "visibilitychange", () => document.visibilityState === "visible" && this.hurry());
    this.hear(window, "pageshow", (event) => (event as PageTransitionEvent).persisted && this.hurry());
    // Firefox shows an error on a page that is being left.
    this.hear(window, "pagehide", () => this.close());
  }

  protected override stopped(): void {
    this.close();
    clearTimeout(this.telling);
  }

  private open(): void {
    const src = this.getAttribute("src");
    if (!src) return;
    this.close();
    const url = new URL(src, location.href);
    if (this.last) url.searchParams.set("after", this.last);
    const source = new EventSource(url);
    this.source = source;
    source.onopen = () => {
      this.failures = 0;
      this.tell(true);
    };
    source.onerror = () => this.again();
    const known = ["update", "beat", ...(this.getAttribute("data-events") ?? "").split(" ").filter(Boolean)];
    for (const name of known) {
      source.addEventListener(name, (event: MessageEvent<string>) => this.receive(name, event));
    }
  }

  private receive(name: string, event: MessageEvent<string>): void {
    if (event.lastEventId) this.last = event.lastEventId;
    if (name === "update") place(event.data);
    else if (name !== "beat") document.dispatchEvent(new CustomEvent(`vigie:${name}`, { detail: event.data }));
    // A server that beats is known to be gone when it stops: a phone that changed network is not told.
    if (name === "beat" || this.silence) {
      clearTimeout(this.silence);
      this.silence = setTimeout(() => this.again(), 60_000);
    }
  }

  private close(): void {
    clearTimeout(this.timer);
    clearTimeout(this.silence);
    this.timer = this.silence = 0;
    this.source?.close();
    this.source = undefined;
  }

  private again(): void {
    this.close();
    if (!this.isConnected) return;
    this.failures += 1;
    this.tell(false);
    this.timer = setTimeout(() => this.open(), backoff(this.failures));
  }

  private hurry(): void {
    if (this.source?.readyState === EventSource.OPEN) return;
    this.open();
  }

  private tell(open: boolean): void {
    const status = document.querySelector<HTMLElement>("[data-live-status]");
    this.setAttribute("data-state", open ? "open" : "lost");
    clearTimeout(this.telling);
    if (!status) return;
    if (open) {
      if (!this.lost) return;
      this.lost = false;
      status.textContent = status.dataset["back"] ?? "";
      this.telling = setTimeout(() => (status.hidden = true), 4000);
      return;
    }
    if (this.lost) return;
    // A short break that mends itself is not worth frightening anyone.
    this.telling = setTimeout(() => {
      this.lost = true;
      status.textContent = status.dataset["lost"] ?? "";
      status.hidden = false;
    }, 2500);
  }
}

define("live-stream", LiveStream);
