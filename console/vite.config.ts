import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const HERE = import.meta.dirname;

/** Every file that the bundle is made of, in an order that does not depend on the machine. */
function sources(): string[] {
  const found = ["index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"];
  const walk = (folder: string): void => {
    for (const one of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, one.name);
      if (one.isDirectory()) walk(path);
      else found.push(relative(HERE, path).replaceAll("\\", "/"));
    }
  };
  walk(join(HERE, "src"));
  return found.sort();
}

/**
 * Leaves a note beside the bundle of what it was made of, so that a test without Node can tell a stale one, and the
 * licence of what only the worker is made of, which Vite's own list leaves out.
 */
function provenance(): Plugin {
  return {
    name: "provenance",
    generateBundle() {
      const lines = sources().map((path) => {
        const digest = createHash("sha256").update(readFileSync(join(HERE, path))).digest("hex");
        return `${digest}  ${path}\n`;
      });
      this.emitFile({ type: "asset", fileName: "sources.txt", source: lines.join("") });
      const zip = readFileSync(join(HERE, "node_modules/fflate/LICENSE"), "utf8");
      this.emitFile({ type: "asset", fileName: "licences-of-the-worker.txt", source: `fflate (MIT)\n\n${zip}` });
    },
  };
}

export default defineConfig({
  root: HERE,
  base: "./", // the console works below any path of a proxy
  plugins: [react(), provenance()],
  worker: { format: "es" },
  build: {
    outDir: "../src/cleanplate/http/console/static",
    emptyOutDir: true,
    assetsDir: "console",
    assetsInlineLimit: 0, // the content security policy takes no data: for fonts and scripts
    target: "es2022",
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 400,
    license: { fileName: "licences.txt" },
  },
});
