// The page's side of the worker (vault-worker.ts).
import { scriptURL } from "./html";
import { VaultFault } from "./vault-format";
import type { Answer, Job, Results } from "./vault-worker";

interface Waiting {
  done: (value: never) => void;
  refuse: (fault: unknown) => void;
  part?: (n: number, all: number) => void;
}

/** Hands jobs to the worker, which begins with the first of them. */
export class Client {
  private worker: Worker | undefined;
  private readonly jobs = new Map<number, Waiting>();
  private last = 0;

  constructor(private readonly address: () => string) {}

  /** Has a job done; part is told how far it is. It faults with closed where the worker is closed first. */
  run<J extends Job>(job: J, part?: (n: number, all: number) => void): Promise<Results[J["do"]]> {
    this.worker ??= this.begin();
    const n = ++this.last;
    return new Promise((done, refuse) => {
      this.jobs.set(n, { done: done as (value: never) => void, refuse, ...(part ? { part } : {}) });
      this.worker?.postMessage({ n, job });
    });
  }

  private begin(): Worker {
    const worker = new Worker(scriptURL(this.address()));
    worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
      const job = this.jobs.get(data.n);
      if (!job) return;
      if ("part" in data) {
        job.part?.(data.part, data.all);
        return;
      }
      this.jobs.delete(data.n);
      if ("done" in data) job.done(data.done as never);
      else job.refuse(data.fault ? new VaultFault(data.fault, data.about) : new Error("the worker"));
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      if (this.worker === worker) this.close();
    });
    return worker;
  }

  /** Ends the worker, and with it the keys that it was handed. */
  close(): void {
    this.worker?.terminate();
    this.worker = undefined;
    for (const job of this.jobs.values()) job.refuse(new VaultFault("closed"));
    this.jobs.clear();
  }
}
