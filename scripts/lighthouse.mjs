// Looks at the pages that a child meets first as a telephone on a slow line does, with Lighthouse in
// Debian's Chromium: `npm run lighthouse`, after `make build`. It starts the demonstration on a free port
// with an empty folder, and ends it.
//
// Accessibility, best practices and, for pages that search engines may keep, SEO are 95 or more; a page
// that they may not keep says so. Performance depends on the machine: it is printed, and its floor is
// only checked with --strict.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { randomUUID } from "node:crypto";
import lighthouse from "lighthouse";

const root = resolve(import.meta.dirname, "..");
const floor = 95;
const strict = process.argv.includes("--strict");

/** What is started here is ended here, by its own process id, whatever happens. */
const running = [];
function start(program, args, options) {
  const process_ = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  process_.said = "";
  for (const out of [process_.stdout, process_.stderr]) out.on("data", (chunk) => (process_.said += chunk));
  process_.on("error", (error) => (process_.said += error.message));
  process_.gone = new Promise((done) => (process_.on("exit", done), process_.on("error", done))).then(() => (process_.ended = true));
  running.push(process_);
  return process_;
}

async function end(one) {
  if (one.ended) return;
  one.kill("SIGTERM");
  const patience = setTimeout(() => one.kill("SIGKILL"), 10_000);
  await one.gone;
  clearTimeout(patience);
}

async function until(what, who, ready) {
  for (const deadline = Date.now() + 30_000; ; await new Promise((again) => setTimeout(again, 50))) {
    const found = await ready();
    if (found) return found;
    if (who.ended || Date.now() > deadline) throw new Error(`${what} did not come. It said:\n${who.said}`);
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Opens a chat as a browser without scripts does, and returns its cookie. */
async function wait(home) {
  const answer = await fetch(`${home}/chat`, {
    method: "POST",
    body: new URLSearchParams({ contact_id: randomUUID() }),
    headers: { Origin: home, "Sec-Fetch-Site": "same-origin" },
    redirect: "manual",
  });
  const cookie = answer.headers.getSetCookie()[0]?.split(";")[0];
  if (answer.status !== 303 || !cookie) throw new Error(`opening a chat answered ${answer.status}`);
  return cookie;
}

/** A Chromium that has seen nothing yet, and the port of its tools. */
async function browser(folder) {
  const chromium = start(process.env.CHROMIUM ?? "/usr/bin/chromium", [
    "--headless=new",
    "--remote-debugging-port=0",
    `--user-data-dir=${await mkdtemp(join(folder, "chromium-"))}`,
    // As in e2e/playwright.config.ts.
    ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "about:blank",
  ]);
  const port = await until("Chromium", chromium, () => /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(chromium.said)?.[1]);
  return { chromium, port: Number(port) };
}

/** Looks at one page. Where the browser's trace came to nothing, which happens on a busy machine, it looks again. */
async function look(folder, url, cookie) {
  for (let attempt = 1; ; attempt++) {
    const { chromium, port } = await browser(folder);
    const { lhr } = await lighthouse(url, {
      port,
      logLevel: "error",
      output: "json",
      onlyCategories: ["performance", "accessibility", "best-practices", "seo"],
      formFactor: "mobile",
      throttlingMethod: "simulate",
      // The stream of a page that waits never ends.
      maxWaitForLoad: 15_000,
      extraHeaders: cookie ? { Cookie: cookie } : undefined,
    });
    await end(chromium);
    if (!lhr.runtimeError) return lhr;
    if (attempt === 3) throw new Error(`${url}: ${lhr.runtimeError.message}`);
  }
}

const percent = ({ score }) => (score === null ? 0 : Math.round(score * 100));

async function main(folder) {
  const port = await freePort();
  const home = `http://localhost:${port}`;
  const vigie = start(
    join(root, "bin/vigie"),
    ["demo", "--quiet", "--empty", "--listen", `localhost:${port}`, "--public-url", home, "--data", join(folder, "data")],
    { cwd: folder },
  );
  await until("bin/vigie", vigie, () => fetch(`${home}/readyz`).then((a) => a.ok).catch(() => false));

  const pages = [
    { name: "home", path: "/", kept: true },
    { name: "home, English", path: "/en", kept: true },
    { name: "numbers", path: "/numbers", kept: true },
    { name: "four doors", path: "/young", kept: true },
    { name: "parents", path: "/parents", kept: true },
    { name: "guides", path: "/guides", kept: true },
    { name: "a guide", path: "/guides/sextortion", kept: true },
    { name: "a guide, English", path: "/en/guides/intimate-images", kept: true },
    { name: "a platform", path: "/guides/snapchat-parents", kept: true },
    { name: "news", path: "/news", kept: true },
    { name: "an article", path: "/news/school-autumn", kept: true },
    { name: "quiz", path: "/quiz", kept: true },
    { name: "vault", path: "/vault", kept: true },
    { name: "chat door", path: "/chat" },
    { name: "waiting", path: "/chat", cookie: await wait(home) },
  ];
  const rows = [];
  const below = [];
  for (const { name, path, kept, cookie } of pages) {
    const { categories, audits } = await look(folder, home + path, cookie);
    const row = {
      page: name,
      performance: percent(categories.performance),
      accessibility: percent(categories.accessibility),
      "best practices": percent(categories["best-practices"]),
      SEO: kept ? percent(categories.seo) : "noindex",
      "first load": `${(audits["total-byte-weight"].numericValue / 1024).toFixed(1)} KB`,
    };
    rows.push(row);
    const held = ["accessibility", "best practices", ...(kept ? ["SEO"] : []), ...(strict ? ["performance"] : [])];
    for (const what of held) if (row[what] < floor) below.push(`${name}: ${what} is ${row[what]}, the floor is ${floor}`);
    if (!kept && audits["is-crawlable"].score !== 0) below.push(`${name}: search engines are not told to leave it alone`);
    for (const category of ["accessibility", "best-practices", ...(kept ? ["seo"] : [])]) {
      for (const { id, weight } of categories[category].auditRefs) {
        const { score, title, scoreDisplayMode } = audits[id];
        if (weight > 0 && score !== null && score < 1 && scoreDisplayMode !== "notApplicable") console.log(`${name}: ${title} (${id})`);
      }
    }
  }
  console.table(Object.fromEntries(rows.map(({ page, ...figures }) => [page, figures])));
  return below;
}

const folder = await mkdtemp(join(tmpdir(), "vigie-lighthouse-"));
try {
  const below = await main(folder);
  for (const line of below) console.error(line);
  process.exitCode = below.length > 0 ? 1 : 0;
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  for (const one of running) await end(one);
  await rm(folder, { recursive: true, force: true });
}
