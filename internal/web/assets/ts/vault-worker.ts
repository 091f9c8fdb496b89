// The worker of the vault: the slow key, and all that goes through bodies. It is closed when the vault is locked, and its keys with it.
import type { Header, Meta } from "./vault-format";
import { VaultFault } from "./vault-format";
import { calibrate, create, type Keys, rewrap, unlock } from "./vault-key";
import { add, importFrom, type Imported, type Incoming, read } from "./vault-work";

export type Job =
  | { do: "create"; phrase: string }
  | { do: "unlock"; phrase: string; header: Header }
  | { do: "rewrap"; phrase: string; header: Header; next: string }
  | { do: "add"; keys: Keys; vault: string; incoming: Incoming }
  | { do: "read"; keys: Keys; vault: string; id: string; meta: Meta }
  | { do: "import"; keys: Keys; vault: string; file: Blob; phrase: string };

export type Answer =
  | { n: number; done: unknown }
  | { n: number; fault: VaultFault["code"] | ""; about: string }
  | { n: number; part: number; all: number };

export interface Results {
  create: { header: Header; keys: Keys };
  unlock: Keys;
  rewrap: Header;
  add: string;
  read: Blob;
  import: Imported;
}

const say = (answer: Answer): void => (self as unknown as Worker).postMessage(answer);

self.addEventListener("message", (event: MessageEvent<{ n: number; job: Job }>) => {
  const { n, job } = event.data;
  let told = 0;
  const progress = (part: number, all: number): void => {
    if (Date.now() - told < 100) return;
    told = Date.now();
    say({ n, part, all });
  };
  void perform(job, progress).then(
    (done) => say({ n, done }),
    (fault: unknown) => say(fault instanceof VaultFault ? { n, fault: fault.code, about: fault.about } : { n, fault: "", about: "" }),
  );
});

function perform(job: Job, progress: (part: number, all: number) => void): Promise<unknown> {
  switch (job.do) {
    case "create":
      return create(job.phrase, calibrate());
    case "unlock":
      return unlock(job.phrase, job.header);
    case "rewrap":
      return rewrap(job.phrase, job.header, job.next, calibrate());
    case "add":
      return add(job.keys, job.vault, job.incoming, progress);
    case "read":
      return read(job.keys, job.vault, job.id, job.meta);
    case "import":
      return importFrom(job.keys, job.vault, job.file, job.phrase, progress);
  }
}
