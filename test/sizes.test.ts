/** How long files and functions may be. Functions are found by TypeScript's own parser. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import {
  isArrowFunction,
  isConstructorDeclaration,
  isFunctionDeclaration,
  isFunctionExpression,
  isMethodDeclaration,
  type Node,
  type SourceFile,
} from "typescript/unstable/ast";
import { API } from "typescript/unstable/sync";
import { describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDERS = ["src", "page", "speedrun", "bench"];

describe.each(FOLDERS)("files of %s", (folder) => {
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith(".ts"),
  );
  const lines = files.map((path) => ({
    path,
    count: readFileSync(join(ROOT, folder, path), "utf8").split("\n").length - 1,
  }));

  it("have at most 400 lines", () => {
    expect(lines.filter(({ count }) => count > 400)).toEqual([]);
  });

  it("have at most 100 lines in half of the cases", () => {
    const sorted = lines.map(({ count }) => count).sort((a, b) => a - b);
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThanOrEqual(100);
  });
});

const LONGEST = 60;

/** Functions that are easier to read in one piece, each with the reason. */
const LONG: Readonly<Record<string, string>> = {
  "src/tensor/kernels/gemm/simd.ts gemmFunction":
    "one WebAssembly function whose blocks share 19 parameters and 21 locals",
};

const isFunction = (node: Node): boolean =>
  isFunctionDeclaration(node) ||
  isFunctionExpression(node) ||
  isArrowFunction(node) ||
  isMethodDeclaration(node) ||
  isConstructorDeclaration(node);

/** Names of the functions of a file that have more than `LONGEST` lines; an inner one has the name of the outer. */
function longFunctions(file: SourceFile, path: string): string[] {
  const found: string[] = [];
  const visit = (node: Node, owner: string): void => {
    const { name } = node as Node & { readonly name?: { readonly text?: string } };
    const own = name?.text ?? owner;
    if (isFunction(node) && node.getText(file).split("\n").length > LONGEST) found.push(`${path} ${own}`);
    node.forEachChild((child) => visit(child, own));
  };
  visit(file, "");
  return [...new Set(found)];
}

describe("functions", () => {
  it(`have at most ${LONGEST} lines, but for those listed here`, () => {
    const api = new API({ cwd: ROOT });
    try {
      const [project] = api.updateSnapshot({ openProjects: [join(ROOT, "tsconfig.json")] }).getProjects();
      const isOurs = (name: string): boolean => FOLDERS.some((folder) => name.startsWith(join(ROOT, folder, "/")));
      const files = project.program.getSourceFileNames().filter(isOurs);
      expect(files.length).toBeGreaterThan(300);
      const long = files.flatMap((name) =>
        longFunctions(project.program.getSourceFile(name) as SourceFile, relative(ROOT, name)),
      );
      expect(long.sort()).toEqual(Object.keys(LONG).sort());
    } finally {
      api.close();
    }
  }, 120_000);
});
