// A moderation service of its own on this machine, told what it is by OZONE_… variables.
import { Database, OzoneService, envToCfg, envToSecrets, readEnv } from "@atproto/ozone";

const env = readEnv();
const cfg = envToCfg(env);
const secrets = envToSecrets(env);
const db = new Database({ url: cfg.db.postgresUrl, schema: cfg.db.postgresSchema });
await db.migrateToLatestOrThrow();
await db.close();
const ozone = await OzoneService.create(cfg, secrets);
// It would listen to the whole network.
const listen = ozone.app.listen.bind(ozone.app);
ozone.app.listen = (port) => listen(port, "127.0.0.1");
await ozone.start();

// It does not outlive the test that started it, whatever ends that.
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(), 1000).unref();
