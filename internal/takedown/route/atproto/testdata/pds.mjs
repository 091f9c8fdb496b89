// A PDS of its own on this machine, told what it is by PDS_… variables.
import { PDS, envToCfg, envToSecrets, readEnv } from "@atproto/pds";

const env = readEnv();
const pds = await PDS.create(envToCfg(env), envToSecrets(env));
// It would listen to the whole network.
const listen = pds.app.listen.bind(pds.app);
pds.app.listen = (port) => listen(port, "127.0.0.1");
await pds.start();

// It does not outlive the test that started it, whatever ends that.
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(), 1000).unref();
