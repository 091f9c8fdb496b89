// A stage for one element at a time: a server that gives the built scripts, one page, one event stream
// and posts that are written down and may be made to fail. The house itself is tried in e2e/.
import { test as base, expect, type Page } from "@playwright/test";
import { readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

const dist = join(import.meta.dirname, "..", "dist");
const manifest = JSON.parse(readFileSync(join(dist, "manifest.json"), "utf8")) as Record<string, string>;

export interface Post {
  path: string;
  fields: Record<string, string>;
}

export class Stage {
  readonly posts: Post[] = [];
  readonly streams: { url: string; out: ServerResponse }[] = [];
  /** Refuses the stream with this status; 0 lets it open. */
  refuse = 0;
  /** What each post is answered; 204 unless said otherwise. */
  answer: (post: Post) => { status: number; type?: string; body?: string } = () => ({ status: 204 });
  private body = "";
  private script = "site.js";
  private readonly server = createServer((request, out) => {
    const url = new URL(request.url ?? "/", "http://stage");
    if (url.pathname.startsWith("/assets/")) {
      const name = url.pathname.slice("/assets/".length);
      out.setHeader("Content-Type", name.endsWith(".css") ? "text/css" : name.endsWith(".js") ? "text/javascript" : "application/octet-stream");
      out.end(readFileSync(join(dist, name)));
    } else if (url.pathname === "/live") {
      if (this.refuse) {
        out.writeHead(this.refuse);
        out.end();
        return;
      }
      out.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
      out.flushHeaders();
      this.streams.push({ url: request.url ?? "", out });
    } else if (request.method === "POST") {
      let raw = "";
      request.on("data", (part) => (raw += part));
      request.on("end", () => {
        const post = { path: url.pathname, fields: Object.fromEntries(new URLSearchParams(raw)) };
        this.posts.push(post);
        const { status, type, body } = this.answer(post);
        out.writeHead(status, type ? { "Content-Type": type } : {});
        out.end(body);
      });
    } else if (url.pathname === "/") {
      out.setHeader("Content-Type", "text/html; charset=utf-8");
      out.setHeader("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; font-src 'self'; form-action 'self'; require-trusted-types-for 'script'; trusted-types vigie");
      out.end(`<!doctype html><html lang="fr"><head><title>Stage</title><link rel="stylesheet" href="/assets/${manifest["desk.css"]}"><script type="module" src="/assets/${manifest[this.script]}"></script></head><body>${this.body}</body></html>`);
    } else {
      out.setHeader("Content-Type", "text/html");
      out.end(`<!doctype html><title>elsewhere</title><p>elsewhere`);
    }
  });

  async open(): Promise<void> {
    await new Promise<void>((done) => this.server.listen(0, "127.0.0.1", done));
  }

  async close(): Promise<void> {
    for (const { out } of this.streams) out.end();
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Shows HTML with one of the built scripts. */
  async show(page: Page, script: "site.js" | "chat.js" | "desk.js" | "quiz.js", body: string): Promise<void> {
    this.script = script;
    this.body = body;
    await page.goto(this.url);
  }

  /** Sends pieces of page down the newest stream. */
  update(html: string, id = ""): void {
    const stream = this.streams.at(-1);
    stream?.out.write(`${id ? `id: ${id}\n` : ""}event: update\ndata: ${html.replaceAll("\n", "\ndata: ")}\n\n`);
  }

  of(path: string): Record<string, string>[] {
    return this.posts.filter((p) => p.path === path).map((p) => p.fields);
  }
}

export const test = base.extend<{ stage: Stage }>({
  stage: async ({ page }, use) => {
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => /Content.Security.Policy/i.test(message.text()) && faults.push(message.text()));
    const stage = new Stage();
    await stage.open();
    await use(stage);
    await stage.close();
    expect(faults, "scripts fail, or break the content security policy").toEqual([]);
  },
});

export { expect };
