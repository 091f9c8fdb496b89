// A helpline of its own for each worker: the real program, on a free port of this machine, with a new
// folder for its record. It is ended by its own process id when the worker ends.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");

export interface Helpline {
  url: string;
  /** What the program has logged so far; it must never hold a child's word. */
  log(): string;
  stop(): Promise<void>;
}

/** A port nothing listens on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Starts the demonstration without its simulated visitors, and waits until it says that it is ready. */
export async function openHelpline(past: boolean): Promise<Helpline> {
  const folder = await mkdtemp(join(tmpdir(), "vigie-e2e-"));
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const vigie = spawn(
    join(root, "bin/vigie"),
    ["demo", "--quiet", ...(past ? [] : ["--empty"]), "--listen", `localhost:${port}`, "--public-url", url, "--data", folder],
    { cwd: folder, stdio: ["ignore", "pipe", "pipe"] },
  );
  let said = "";
  vigie.stdout.on("data", (chunk) => (said += chunk));
  vigie.stderr.on("data", (chunk) => (said += chunk));
  let ended = false;
  const end = once(vigie, "exit").then(() => (ended = true));
  vigie.on("error", (error) => ((said += error.message), (ended = true)));

  const stop = async () => {
    if (!ended) {
      vigie.kill("SIGTERM");
      const patience = setTimeout(() => vigie.kill("SIGKILL"), 15_000);
      await end;
      clearTimeout(patience);
    }
    await mkdir(join(root, "e2e/test-results"), { recursive: true });
    await appendFile(join(root, "e2e/test-results/helpline.log"), said);
    await rm(folder, { recursive: true, force: true });
  };

  for (const deadline = Date.now() + 30_000; ; ) {
    if (ended || Date.now() > deadline) {
      await stop();
      throw new Error(`bin/vigie ${ended ? "ended" : "was not ready in 30 s"}. It said:\n${said}`);
    }
    const answer = await fetch(`${url}/readyz`).catch(() => null);
    if (answer?.ok) return { url, log: () => said, stop };
    await new Promise((again) => setTimeout(again, 50));
  }
}
