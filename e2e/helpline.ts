// A helpline of its own for each worker: the real program, on a free port of this machine, with a new
// folder for its record. It is ended by its own process id when the worker ends.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");

export interface Helpline {
  url: string;
  /** Its telephone, where it has one. */
  line?: Line;
  /** What the program has logged so far; it must never hold a child's word. */
  log(): string;
  /** Pulls the plug (SIGKILL) and starts the program again, on the same port and record, after what happens meanwhile. */
  crash(meanwhile?: () => Promise<void>): Promise<void>;
  /** Starts the program again with its clock so many days ahead of where it was, on the same port and record. */
  later(days: number): Promise<void>;
  stop(): Promise<void>;
}

/** How a helpline of a test is reached by telephone. */
export interface Line {
  /** Its short number, as a SIP telephone calls it. */
  address: string;
  /** The port at which its operator, who brings our calls to the telephones outside, is expected. */
  operator: number;
}

/** The settings of a telephone on this machine: whoever is here may ring, and our own calls go to the port of the operator. */
export async function telephone(folder: string, name = "trunks"): Promise<{ line: Line; settings: Record<string, string> }> {
  // The operator's telephone takes the port after its own too (SIP over TLS).
  const [sip, web, operator] = [await freePort(), await freePort(), await freePair()];
  const trunks = join(folder, `${name}.toml`);
  await writeFile(
    trunks,
    `[[trunk]]
name = "operator"
peers = ["127.0.0.0/8"]
proxy = "sip:127.0.0.1:${operator}"
numbers = ["3018"]
codecs = ["PCMA", "PCMU", "opus"]
dial = { prefixes = ["+336"] }
`,
  );
  return {
    line: { address: `sip:3018@127.0.0.1:${sip}`, operator },
    settings: { VIGIE_PHONE_LISTEN: `udp:127.0.0.1:${sip}`, VIGIE_PHONE_TRUNKS: trunks, VIGIE_PHONE_WEB: `127.0.0.1:${web}` },
  };
}

/** A port nothing listens on just now. */
export async function freePort(): Promise<number> {
  return (await listening(0))!;
}

/** Two ports one after the other that nothing listens on just now: the first of them. */
async function freePair(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (port < 65535 && (await listening(port + 1))) return port;
  }
}

/** Listens for a moment; undefined when somebody else does. */
async function listening(wanted: number): Promise<number | undefined> {
  const server = createServer().listen(wanted, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return undefined;
  }
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Starts the demonstration without its simulated visitors, and waits until it says that it is ready. */
export async function openHelpline({ past, keepsHours, phone, settings }: { past: boolean; keepsHours: boolean; phone: boolean; settings: Record<string, string> }): Promise<Helpline> {
  const folder = await mkdtemp(join(tmpdir(), "vigie-e2e-"));
  const phoned = phone ? await telephone(folder) : undefined;
  const port = await freePort();
  const url = `http://localhost:${port}`;
  let said = "";
  let vigie: ChildProcess;
  let ended: boolean;
  let end: Promise<unknown>;
  let ahead = 0; // in hours

  const start = async () => {
    const born = spawn(
      process.env.VIGIE ?? join(root, "bin/vigie"),
      ["demo", "--quiet", ...(past ? [] : ["--empty"]), ...(keepsHours ? ["--closed"] : []), ...(phone ? [] : ["--no-phone"]), ...(ahead ? ["--ahead", `${ahead}h`] : []), "--listen", `localhost:${port}`, "--public-url", url, "--data", folder],
      { cwd: folder, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...phoned?.settings, ...settings } },
    );
    born.stdout.on("data", (chunk) => (said += chunk));
    born.stderr.on("data", (chunk) => (said += chunk));
    born.on("error", (error) => ((said += error.message), (ended = true)));
    ended = false;
    end = once(born, "exit").then(() => (ended = true));
    vigie = born;
    for (const deadline = Date.now() + 60_000; ; ) {
      if (ended || Date.now() > deadline) {
        await stop();
        throw new Error(`bin/vigie ${ended ? "ended" : "was not ready in 60 s"}. It said:\n${said}`);
      }
      const answer = await fetch(`${url}/readyz`).catch(() => null);
      if (answer?.ok) return;
      await new Promise((again) => setTimeout(again, 50));
    }
  };

  const crash = async (meanwhile?: () => Promise<void>) => {
    vigie.kill("SIGKILL");
    await end;
    await meanwhile?.();
    await start();
  };

  const later = async (days: number) => {
    ahead += 24 * days;
    await crash();
  };

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

  await start();
  return { url, line: phoned?.line, log: () => said, crash, later, stop };
}
