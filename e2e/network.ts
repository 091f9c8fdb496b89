// A counsellor's computer with a network of its own: a namespace with a cable to this machine, which can be pulled out.
// All of it is made here, needs root, and is gone with the test.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { test, type Browser, type BrowserType, type LaunchOptions } from "@playwright/test";

const run = promisify(execFile);
const ip = (...words: string[]): Promise<unknown> => run("ip", words);

/** Why no computer can have a network of its own here, or nothing. */
export async function networkIsMissing(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "not run without root: a network that can be cut is a namespace of the kernel";
  const name = `vigie-try-${process.pid}`;
  try {
    await ip("netns", "add", name);
    await ip("netns", "delete", name);
    return undefined;
  } catch (error) {
    return `not run where no network namespace can be made (apt-get install iproute2; ${(error as Error).message.trim().split("\n").at(-1)})`;
  }
}

export interface WithNetwork {
  /** A network that can be cut, one for each worker; undefined where none can be made. */
  network: Network | undefined;
}

/** The fixture of it: `base.extend<Mine, WithNetwork>({ network: aNetwork })`. */
export const aNetwork: [({}: object, use: (network: Network | undefined) => Promise<void>) => Promise<void>, { scope: "worker" }] = [
  async ({}, use) => {
    if (await networkIsMissing()) return use(undefined);
    const network = await Network.open();
    await use(network);
    await network.close();
  },
  { scope: "worker" },
];

/** Skips what needs such a network, with the reason; where nothing may be skipped it fails instead. */
export async function needsNetwork(): Promise<void> {
  const why = await networkIsMissing();
  test.skip(why !== undefined && !process.env.VIGIE_FORBID_SKIPS, why);
}

export class Network {
  /** This machine's end of the cable, and the other. */
  readonly here: string;
  private readonly there: string;
  private readonly name: string;
  private readonly cable: [string, string];
  private readonly ways = new Map<number, Server>();
  private folder = "";

  private constructor() {
    const n = process.pid % 16384; // a network of four addresses of those for tests (RFC 2544), this process's own
    const address = (last: number) => `198.18.${n >> 6}.${((n & 63) << 2) + last}`;
    [this.here, this.there] = [address(1), address(2)];
    this.name = `vigie-${process.pid}`;
    this.cable = [`vigie${process.pid}h`, `vigie${process.pid}t`];
  }

  static async open(): Promise<Network> {
    const network = new Network();
    const { name, cable, here, there } = network;
    try {
      await ip("netns", "add", name);
      await ip("link", "add", cable[0], "type", "veth", "peer", "name", cable[1], "netns", name);
      await ip("address", "add", `${here}/30`, "dev", cable[0]);
      await ip("link", "set", cable[0], "up");
      await ip("-n", name, "address", "add", `${there}/30`, "dev", cable[1]);
      await ip("-n", name, "link", "set", "lo", "up");
      await network.plugsIn();
      network.folder = await mkdtemp(join(tmpdir(), "vigie-e2e-network-"));
      return network;
    } catch (error) {
      await network.close();
      throw error;
    }
  }

  /** A program that runs another one in this network. */
  async running(program: string): Promise<string> {
    const path = join(this.folder, "in-network");
    await writeFile(path, `#!/bin/sh\nexec ip netns exec ${this.name} ${program} "$@"\n`);
    await chmod(path, 0o755);
    return path;
  }

  /** Starts a browser of a computer in this network; it finds the helpline as everybody does. */
  async browser(chromium: BrowserType, options: LaunchOptions, helpline: string): Promise<Browser> {
    await this.reaches(Number(new URL(helpline).port));
    return chromium.launch({
      ...options,
      executablePath: await this.running(options.executablePath!),
      args: [...options.args!, `--host-resolver-rules=MAP localhost ${this.here},MAP * ~NOTFOUND`],
    });
  }

  /** Lets those in this network reach a port of this machine, at `here`. */
  async reaches(port: number): Promise<void> {
    if (this.ways.has(port)) return;
    const way = createServer((from) => {
      const to = connect(port, "localhost");
      from.pipe(to).pipe(from);
      from.on("error", () => to.destroy()).on("close", () => to.destroy());
      to.on("error", () => from.destroy()).on("close", () => from.destroy());
    }).listen(port, this.here);
    await once(way, "listening");
    this.ways.set(port, way);
  }

  /** Pulls the cable out of that computer. */
  async cut(): Promise<void> {
    await ip("-n", this.name, "link", "set", this.cable[1], "down");
  }

  async plugsIn(): Promise<void> {
    await ip("-n", this.name, "link", "set", this.cable[1], "up");
    await ip("-n", this.name, "route", "replace", "default", "via", this.here);
  }

  async close(): Promise<void> {
    for (const way of this.ways.values()) way.close();
    // With the namespace goes its end of the cable, and with that the other one.
    await ip("netns", "delete", this.name).catch(() => undefined);
    await ip("link", "delete", this.cable[0]).catch(() => undefined);
    await rm(this.folder, { recursive: true, force: true });
  }
}
