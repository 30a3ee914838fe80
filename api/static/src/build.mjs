// Bundles the stylesheet and the script. ECharts sits in a chunk of its own that only pages with charts fetch.
import { copyFile, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = new URL(".", import.meta.url);
const path = (relative) => fileURLToPath(new URL(relative, here));
const outdir = path("../dist");

await rm(outdir, { recursive: true, force: true });
await build({
  entryPoints: [path("ts/app.ts"), path("css/app.css")],
  outdir,
  bundle: true,
  splitting: true,
  format: "esm",
  minify: true,
  target: ["chrome100", "firefox102", "safari15.4"],
  entryNames: "[name]",
  chunkNames: "chunk-[hash]",
  legalComments: "linked",
  logLevel: "info",
});
await copyFile(path("seal.svg"), path("../dist/seal.svg"));
