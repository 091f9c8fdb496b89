// Builds what the browser loads into ./dist: scripts and styles bundled under hashed names, two weights
// of one font, one icon sprite, all of it compressed ahead of time, and manifest.json, by which the Go
// side (assets.go) finds the hashed name of a plain one. Nothing in dist is ever committed.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const resolve = createRequire(import.meta.url).resolve;
const manifest = {};

await mkdir(dist, { recursive: true });
for (const name of await readdir(dist)) {
  if (name !== ".gitkeep") await rm(join(dist, name), { recursive: true });
}

// The dark palette is written once, under prefers-color-scheme; a chosen theme needs the same
// declarations under [data-theme="dark"], which plain CSS cannot share, so they are repeated here.
const darkOnce = {
  name: "dark-once",
  setup(build) {
    build.onLoad({ filter: /tokens\.css$/ }, async ({ path }) => {
      const css = await readFile(path, "utf8");
      const dark = css.match(/:root:not\(\[data-theme="light"\]\)\s*\{([^}]*)\}/);
      if (!dark) throw new Error("tokens.css: the dark palette is not where the build looks for it");
      return { contents: css + `\n@layer tokens { [data-theme="dark"] {${dark[1]}} }`, loader: "css" };
    });
  },
};

const common = {
  absWorkingDir: here,
  outdir: dist,
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  loader: { ".woff2": "file" },
  legalComments: "none",
  metafile: true,
  plugins: [darkOnce],
  logLevel: "warning",
};
const bundled = await build({
  ...common,
  entryPoints: ["ts/site.ts", "ts/guides.ts", "ts/quiz.ts", "ts/chat.ts", "ts/desk.ts", "ts/wall.ts", "ts/vault.ts", "css/pages/vault.css", "css/pages/quiz.css", "css/public.css", "css/noscript.css", "css/site.css", "css/figures.css", "css/desk.css", "ts/app.ts", "ts/push-toggle.ts", "ts/embed-page.ts", "css/app.css", "css/embed.css"],
  format: "esm",
  target: ["es2019", "chrome87", "firefox78", "safari14"],
  // Safari 14.0 has a fault in one rare form of destructuring, which esbuild cannot lower; 14.1 has not.
  supported: { destructuring: true },
});
const forOldPhones = await build({ ...common, entryPoints: ["ts/plain.ts"], format: "iife", target: "es5" });
// The vault's worker, which is no module in the browsers that know none.
const vaultWorker = await build({ ...common, entryPoints: ["ts/vault-worker.ts"], format: "iife", target: ["es2019", "chrome87", "firefox78", "safari14"], supported: { destructuring: true } });
// What partners put into their pages, whatever those are made of.
const forPartners = await build({ ...common, entryPoints: ["embed/embed.ts"], format: "iife", target: "es2015" });
named(bundled, forOldPhones, vaultWorker, forPartners);

function named(...builds) {
  for (const [output, { entryPoint, inputs }] of builds.flatMap((b) => Object.entries(b.metafile.outputs))) {
    const source = entryPoint ?? Object.keys(inputs)[0];
    manifest[basename(source).replace(/\.ts$/, ".js")] = basename(output);
  }
}

// The sprite: each name of icons.txt as a <symbol>, drawn in the colour of the words beside it.
const names = (await readFile(join(here, "icons.txt"), "utf8")).split("\n").map((l) => l.replace(/#.*/, "").trim()).filter(Boolean);
const symbols = await Promise.all(
  names.map(async (name) => {
    const svg = await readFile(resolve(`lucide-static/icons/${name}.svg`), "utf8");
    const shapes = svg.replace(/<!--.*?-->/gs, "").match(/<svg[^>]*>([\s\S]*)<\/svg>/)[1].replace(/\s+/g, " ").trim();
    return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${shapes}</symbol>`;
  }),
);
await write("icons.svg", `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`);

// The words from which a browser draws a passphrase for a vault: those of the resume code.
for (const lang of ["fr", "en"]) await write(`words-${lang}.txt`, (await readFile(join(here, "..", "..", "contact", "words", `${lang}.txt`), "utf8")).trim());

// The sign of the house, for the browser's tab.
await write("mark.svg", (await readFile(join(here, "mark.svg"), "utf8")).trim());

// The licences of what the bundle holds travel with it.
const licences = await Promise.all(
  ["@fontsource/atkinson-hyperlegible-next/package.json", "lucide-static/package.json", "@noble/hashes/argon2.js"].map(
    async (inside) => `${dirname(inside)}\n\n${await readFile(join(dirname(resolve(inside)), "LICENSE"), "utf8")}`,
  ),
);
await write("licences.txt", licences.join("\n\n----\n\n"));

// The service worker knows of which build it is: with any other, it is another file, and browsers take it.
const BUILD = createHash("sha256").update(JSON.stringify(manifest)).digest("hex").slice(0, 12);
named(await build({ ...common, entryPoints: ["sw/sw.ts"], format: "iife", target: ["es2020", "chrome87", "firefox78", "safari14"], supported: { destructuring: true }, define: { BUILD: JSON.stringify(BUILD) } }));

await writeFile(join(dist, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");

let report = [];
for (const name of Object.values(manifest)) {
  const raw = await readFile(join(dist, name));
  if (extname(name) === ".woff2") {
    report.push([name, raw.length, raw.length]);
    continue;
  }
  const br = brotliCompressSync(raw, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: raw.length } });
  await writeFile(join(dist, name + ".br"), br);
  await writeFile(join(dist, name + ".gz"), gzipSync(raw, { level: 9 }));
  report.push([name, raw.length, br.length]);
}
for (const [name, raw, wire] of report) console.log(`${name.padEnd(60)} ${String(raw).padStart(7)}  ${String(wire).padStart(6)} on the wire`);

async function write(name, text) {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 8).toUpperCase();
  const hashed = name.replace(/(\.\w+)$/, `-${hash}$1`);
  await writeFile(join(dist, hashed), text);
  manifest[name] = hashed;
}
