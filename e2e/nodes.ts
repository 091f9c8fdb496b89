// A helpline on two machines: two processes of the real program on one PostgreSQL, their buses joined, and
// a load balancer in front of them. Everything is on this machine, in a folder that goes with it, and each
// process is ended by its own id.
import { execFile, spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { freePort, telephone, type Helpline, type Line } from "./helpline";

const root = resolve(import.meta.dirname, "..");
const vigie = join(root, "bin/vigie");
const programs = "/usr/lib/postgresql/15/bin";
const run = promisify(execFile);

/** Whether PostgreSQL's programs are not where Debian puts them. */
export const postgresIsMissing = !existsSync(join(programs, "initdb"));

/** Everybody's password in this helpline. */
export const password = "deux lampes sur la mer";

/** A process that we started, and what it has said. */
class Started {
  said = "";
  private readonly end: Promise<unknown>;
  private ended = false;

  constructor(private readonly child: ChildProcess) {
    for (const out of [child.stdout, child.stderr]) out?.on("data", (chunk) => (this.said += chunk));
    this.end = Promise.race([once(child, "exit"), once(child, "error")]).then(() => (this.ended = true));
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    if (this.ended) return;
    this.child.kill(signal);
    const patience = setTimeout(() => this.child.kill("SIGKILL"), 15_000);
    await this.end;
    clearTimeout(patience);
  }

  /** Waits until it does what it was started for. */
  async until(ready: () => Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + 30_000; !(await ready()); await new Promise((again) => setTimeout(again, 50))) {
      if (this.ended || Date.now() > deadline) throw new Error(`${this.child.spawnargs[0]} did not get ready. It said:\n${this.said}`);
    }
  }
}

const start = (program: string, args: string[], options: SpawnOptions) =>
  new Started(spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] }));

/** PostgreSQL does not run as root: who it is run as instead. */
async function unprivileged(folder: string): Promise<SpawnOptions> {
  if (process.getuid?.() !== 0) return { cwd: folder };
  const [uid, gid] = await Promise.all(["-u", "-g"].map(async (which) => Number((await run("id", [which, "postgres"])).stdout)));
  await chown(folder, uid!, gid!);
  return { cwd: folder, uid, gid };
}

/**
 * Forwards each connection to a node: those of the desk to the second, all others to the first, as long as
 * it is there; to the other one otherwise. A browser's connections carry one person's requests.
 */
function balance(ports: [number, number]): Server {
  const reach = (port: number) =>
    new Promise<Socket>((yes, no) => {
      const node = connect(port, "127.0.0.1", () => yes(node));
      node.on("error", no);
    });
  return createServer((browser) => {
    browser.on("error", () => browser.destroy());
    browser.once("data", async (first) => {
      browser.pause();
      const [near, far] = /^\S+ \/desk/.test(first.toString("latin1")) ? [ports[1], ports[0]] : ports;
      const node = await reach(near).catch(() => reach(far)).catch(() => null);
      if (!node) return browser.destroy();
      node.write(first);
      browser.pipe(node).pipe(browser);
      // A node that is killed takes its connections with it.
      node.on("close", () => browser.destroy()).on("error", () => browser.destroy());
      browser.on("close", () => node.destroy());
    });
  });
}

export interface TwoNodes extends Helpline {
  /** The telephone of each node, where they have one. */
  lines: Line[];
  /** The nodes themselves, past the load balancer. */
  urls: [string, string];
  /** Ends a node: SIGKILL is a machine that is unplugged, SIGTERM one that is updated. */
  stopNode(node: 0 | 1, signal: "SIGKILL" | "SIGTERM"): Promise<void>;
  startNode(node: 0 | 1): Promise<void>;
  /** What `vigie doctor` says of the record; it throws when something needs a look. */
  doctor(): Promise<string>;
}

/** Starts all of it, with one counsellor who logs in as "camille". */
export async function openTwoNodes({ phone = false } = {}): Promise<TwoNodes> {
  const folder = await mkdtemp(join(tmpdir(), "vigie-e2e-nodes-"));
  const ending: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async () => {
    for (const end of ending.reverse()) await end();
  };
  try {
    const cluster = join(folder, "postgres");
    await mkdir(cluster);
    await chmod(folder, 0o755); // PostgreSQL has to get to its own folder in it
    const owner = await unprivileged(cluster);
    await run(join(programs, "initdb"), ["-A", "trust", "-U", "vigie", "-E", "UTF8", "--locale=C", "--no-sync", "-D", join(cluster, "data")], owner as object);
    const port = await freePort();
    const postgres = start(
      join(programs, "postgres"),
      ["-D", join(cluster, "data"), "-p", String(port), "-k", cluster, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"],
      owner,
    );
    ending.push(() => postgres.stop("SIGINT"));
    await postgres.until(() => run(join(programs, "pg_isready"), ["-h", "127.0.0.1", "-p", String(port)]).then(() => true, () => false));

    const record = ["--data", join(folder, "data"), "--database", `postgres://vigie@127.0.0.1:${port}/postgres?sslmode=disable`];
    const added = run(vigie, ["user", "add", "camille", "--alias", "Camille", "--role", "counsellor", "--password-stdin", ...record]);
    added.child.stdin?.end(password + "\n");
    await added;

    const ports: [number, number] = [await freePort(), await freePort()];
    const buses = [await freePort(), await freePort()].map((free) => `127.0.0.1:${free}`);
    const balancer = balance(ports).listen(0, "127.0.0.1");
    await once(balancer, "listening");
    ending.push(async () => balancer.close());
    const url = `http://localhost:${(balancer.address() as AddressInfo).port}`;

    const telephones = phone ? [await telephone(folder, "first"), await telephone(folder, "second")] : [];
    const nodes: Started[] = [];
    const startNode = async (which: 0 | 1) => {
      const node = start(
        vigie,
        [
          ...["serve", "--always-open", "--listen", `localhost:${ports[which]}`, "--public-url", url, ...record],
          ...["--bus-cluster-listen", buses[which]!, "--bus-routes", buses[1 - which]!, "--bus-cluster-secret", "un seul secret"],
        ],
        { cwd: folder, env: { ...process.env, ...telephones[which]?.settings } },
      );
      nodes[which] = node;
      ending.push(() => node.stop("SIGTERM"));
      await node.until(() => fetch(`http://127.0.0.1:${ports[which]}/readyz`).then((answer) => answer.ok, () => false));
    };
    await startNode(0);
    await startNode(1);
    return {
      url,
      urls: [`http://localhost:${ports[0]}`, `http://localhost:${ports[1]}`],
      lines: telephones.map(({ line }) => line),
      stop,
      startNode,
      stopNode: (which, signal) => nodes[which]!.stop(signal),
      crash: async (meanwhile) => {
        await nodes[0]!.stop("SIGKILL");
        await meanwhile?.();
        await startNode(0);
      },
      later: () => Promise.reject(new Error("the clock of two nodes goes as it goes")),
      log: () => nodes.map((node) => node.said).join(""),
      doctor: async () => (await run(vigie, ["doctor", ...record])).stdout,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
