import { backoff, define, Live, screen } from "./element";
import { place } from "./update";

/**
 * <live-stream src="/chat/live"> holds the one event stream of this tab. `update` events carry pieces of
 * page (update.ts); any other event is dispatched on document as "vigie:<name>" with its data. It goes on in
 * the background, comes back after any break (longer and longer apart, with some chance in it), and
 * gives the id of the last event it saw, as Last-Event-ID where the browser does and as ?after= where we
 * open anew; then "vigie:back" is dispatched, for whoever may have missed something. [data-live-status] says in words when the line is lost, when the session is over and when
 * it is back.
 */
class LiveStream extends Live {
  private source: EventSource | undefined;
  private last = "";
  private failures = 0;
  private timer = 0;
  private silence = 0;
  private telling = 0;
  private lost = false;
  private ended = false;

  protected started(): void {
    this.open();
    this.hear(window, "online", () => this.hurry());
    // A stream whose network is gone stays open and silent: say so now, not when its beats are missed.
    this.hear(window, "offline", () => this.again());
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
    url.searchParams.set("screen", screen);
    if (this.last) url.searchParams.set("after", this.last);
    const source = new EventSource(url);
    this.source = source;
    source.onopen = () => {
      if (this.failures > 0) document.dispatchEvent(new CustomEvent("vigie:back"));
      this.failures = 0;
      this.ended = false;
      this.tell(true);
    };
    source.onerror = () => {
      // Closed, not merely cut: the server answered something else than a stream.
      if (source.readyState === EventSource.CLOSED) void this.ask(url);
      this.again();
    };
    const known = ["update", "beat", ...(this.getAttribute("data-events") ?? "").split(" ").filter(Boolean)];
    for (const name of known) {
      source.addEventListener(name, (event: MessageEvent<string>) => this.receive(name, event));
    }
  }

  /** Asks why the stream is refused. A session that is over is told on document as "vigie:ended"; anything
   * else (a server that restarts, a proxy without one) passes, and is only tried again. */
  private async ask(url: URL): Promise<void> {
    const stop = new AbortController();
    try {
      const { status } = await fetch(url, { headers: { "Vigie-Script": "1" }, credentials: "same-origin", signal: stop.signal });
      if (status === 401 || status === 403 || status === 404 || status === 410) {
        this.ended = true;
        document.dispatchEvent(new CustomEvent("vigie:ended"));
      }
    } catch {
      // No network: again() is already waiting.
    } finally {
      stop.abort();
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
      status.textContent = status.dataset[this.ended ? "ended" : "lost"] ?? "";
      status.hidden = false;
    }, 2500);
  }
}

define("live-stream", LiveStream);
