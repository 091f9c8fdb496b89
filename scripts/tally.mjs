// The last words of `make test`: each skipped test with its reason, what failed, and how many passed.
// Usage: tally.mjs RESULTS-FOLDER [STEP THAT FAILED…]; ends with 1 when anything failed.
import { existsSync, readFileSync } from "node:fs";

const [folder, ...failedSteps] = process.argv.slice(2);
const read = (name) => (existsSync(`${folder}/${name}`) ? readFileSync(`${folder}/${name}`, "utf8") : "");

let passed = 0;
const failed = [];
/** What passed only at the second try. */
const twice = [];
const skipped = read("skipped").split("\n").filter(Boolean);

// `go test -json`: one event a line. A test that has subtests is only their sum and is not counted. What
// the run under the race detector skips was run, or named, by the one before.
for (const run of ["go", "sound", "race"]) {
  const events = read(`${run}.json`).split("\n").filter(Boolean).map((line) => JSON.parse(line));
  const name = (event) => `${event.Package.replace(/^vigie\//, "")} ${event.Test}`;
  const parents = new Set();
  const output = new Map();
  for (const event of events) {
    if (!event.Test) continue;
    for (let at = event.Test.indexOf("/"); at > 0; at = event.Test.indexOf("/", at + 1)) {
      parents.add(`${event.Package} ${event.Test.slice(0, at)}`);
    }
    if (event.Action === "output") output.set(name(event), (output.get(name(event)) ?? "") + event.Output);
  }
  const ended = new Map(); // a test that was run again ended twice, and its last end counts
  for (const event of events) {
    if (!event.Test || parents.has(`${event.Package} ${event.Test}`)) continue;
    if (event.Action === "pass" || event.Action === "fail") ended.set(name(event), [...(ended.get(name(event)) ?? []), event.Action]);
    if (event.Action === "skip" && run !== "race") {
      const reason = output.get(name(event))?.match(/^ +\S+\.go:\d+: (.*)$/m)?.[1] ?? "no reason given";
      skipped.push(`${name(event)} (${reason})`);
    }
  }
  for (const [test, ends] of ended) {
    const said = () => output.get(test)?.match(/^ +\S+\.go:\d+: .*$/m)?.[0].trim() ?? "";
    if (ends.at(-1) === "pass") passed++;
    else failed.push(`${test}\n    ${said()}`);
    if (ends.length > 1 && ends.at(-1) === "pass" && ends.includes("fail")) twice.push(`${test}\n    ${said()}`);
  }
}

/** What a journey stumbled over first: the place in ours, and the first words of what was said of it. */
const stumble = (test) => {
  const error = test.results.flatMap((result) => result.errors ?? [])[0];
  if (!error) return "";
  const said = (error.message ?? "").replace(/\u001b\[[0-9;]*m/g, "").split("\n").map((line) => line.trim()).filter(Boolean);
  const [what, ...more] = said;
  const detail = more.filter((line) => /^(Locator|Expected|Received)/.test(line)).join(", ");
  const at = error.location ? `${error.location.file.split("/").pop()}:${error.location.line}` : "";
  return `\n    ${[at, what, detail].filter(Boolean).join(" ").slice(0, 300)}`;
};

// Playwright's report: suites within suites, each with specs, each run in one or more projects.
const walk = (suite) => {
  for (const spec of suite.specs ?? []) {
    for (const test of spec.tests) {
      const title = `${spec.file} ${spec.title} [${test.projectName}]`;
      if (test.status === "skipped") {
        skipped.push(`${title} (${test.annotations.map((a) => a.description).filter(Boolean).join("; ") || "no reason given"})`);
      } else if (test.status === "expected") passed++;
      else if (test.status === "flaky") {
        passed++;
        twice.push(title + stumble(test));
      } else failed.push(title + stumble(test));
    }
  }
  (suite.suites ?? []).forEach(walk);
};
for (const report of ["journeys.json", "journeys-apart.json", "elements.json"].map(read).filter(Boolean)) JSON.parse(report).suites.forEach(walk);

if (process.env.VIGIE_FORBID_SKIPS) failed.push(...skipped.map((test) => `skipped, which is not allowed here: ${test}`));
for (const test of twice) console.log(`passed only at the second try: ${test}`);
for (const test of skipped) console.log(`skipped: ${test}`);
for (const test of failed) console.log(`failed: ${test}`);
for (const name of failedSteps) console.log(`failed step: ${name}`);

// A step may fail without a test to name (a vet finding, a package that does not compile).
const failures = failed.length || failedSteps.length;
console.log(`${passed} passed, ${failures} failed, ${skipped.length} skipped`);
process.exit(failures ? 1 : 0);
