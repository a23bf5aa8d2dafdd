/** What a browser loads of the page imports nothing that a browser lacks. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const ROOT = new URL("../../", import.meta.url);
const PACKAGES = ["d3-scale", "d3-shape"];

/** The files that are loaded from one on, and the packages. Imports of types alone vanish. */
function loaded(start: string): { files: Set<string>; packages: Set<string> } {
  const [files, packages] = [new Set<string>(), new Set<string>()];
  const visit = (url: URL): void => {
    const path = url.href.slice(ROOT.href.length);
    if (files.has(path)) return;
    files.add(path);
    if (!path.endsWith(".ts")) return;
    const source = readFileSync(url, "utf8");
    for (const [, from] of source.matchAll(/^(?:import|export)\b(?! type\b)[^"';]*?\bfrom "([^"]+)"/gm)) {
      if (from.startsWith(".")) visit(new URL(from.replace(/\?raw$/, ""), url));
      else packages.add(from);
    }
  };
  visit(new URL(start, ROOT));
  return { files, packages };
}

it.each(["page/main.ts", "page/worker.ts", "page/model/released.ts"])(
  "%s loads no module of Node, and only the packages that draw",
  (start) => {
    const { files, packages } = loaded(start);
    expect(files.size).toBeGreaterThan(15);
    expect([...packages].filter((name) => !PACKAGES.includes(name))).toEqual([]);
  },
);

it("the page loads no kernels at its start: workers and dynamic imports do, when they are needed", () => {
  const heavy = [...loaded("page/main.ts").files].filter((path) => path.startsWith("src/tensor/kernels/"));
  expect(heavy).toEqual([]);
});
