/** What the package exports: named lists, and a doc comment at every name. */
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SRC = join(ROOT, "src");
const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  exports: Record<string, { default: string }>;
};

/** Sources of the modules that a user can import, without the root, a list of namespaces, and `engine`, which exports nothing. */
const modules = Object.values(manifest.exports)
  .map((entry) => entry.default.replace(/^\.\/dist\//, "").replace(/\.js$/, ".ts"))
  .filter((path) => path !== "index.ts" && path !== "engine.ts");

interface Exported {
  readonly name: string;
  /** Where it is declared, below src/. */
  readonly file: string;
}

const REEXPORT = /export (type )?\{([^}]*)\} from "([^"]+)";/g;

/** The names that a module hands on, and those that it declares. */
function exportsOf(path: string): Exported[] {
  const source = readFileSync(join(SRC, path), "utf8");
  const handedOn = [...source.matchAll(REEXPORT)].flatMap(([, , names, from]) => {
    const file = relative(SRC, join(SRC, dirname(path), from));
    return names
      .split(",")
      .map((name) => name.trim().replace(/^type /, ""))
      .filter((name) => name !== "")
      .flatMap((name) => {
        const [original] = name.split(" as ");
        return file.endsWith("index.ts")
          ? exportsOf(file).filter((each) => each.name === original)
          : [{ name: original, file }];
      });
  });
  return [...handedOn, ...declarations(path)];
}

const DECLARATION =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:class|function\*?|const|interface|type|let) (\w+)/gm;

const declarations = (path: string): Exported[] =>
  [...readFileSync(join(SRC, path), "utf8").matchAll(DECLARATION)].map(([, name]) => ({ name, file: path }));

/** Whether the declaration of a name has a doc comment right above it. */
function isDocumented({ name, file }: Exported): boolean {
  const lines = readFileSync(join(SRC, file), "utf8").split("\n");
  const declares = new RegExp(
    `^export (?:declare )?(?:abstract )?(?:async )?(?:class|function\\*?|const|interface|type|let) ${name}\\b`,
  );
  const at = lines.findIndex((line) => declares.test(line));
  return at > 0 && lines[at - 1].trimEnd().endsWith("*/");
}

describe("the public API", () => {
  it.each(modules)("src/%s lists every name that it exports", (path) => {
    expect(readFileSync(join(SRC, path), "utf8")).not.toMatch(/^export \* from/m);
    const names = exportsOf(path).map(({ name }) => name);
    expect(names.length).toBeGreaterThan(0);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(modules)("every name of src/%s has a doc comment", (path) => {
    expect(exportsOf(path).filter((each) => !isDocumented(each))).toEqual([]);
  });
});
