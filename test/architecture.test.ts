/**
 * The dependency rule, read from the imports of every file under src/. The table below is the rule; it is written nowhere
 * else as code.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, it } from "vitest";

interface Rule {
  /** Other folders whose public API it may import. */
  readonly folders: readonly string[];
  /** May it import `node:` modules: everywhere, or only in these files? */
  readonly node?: "everywhere" | readonly string[];
  /** Entry points beside index.ts, for folders that may import `node:` modules everywhere. */
  readonly nodeEntries?: readonly string[];
  /** What the folders inside it may import of it, beside themselves: folders, files. */
  readonly inside?: Readonly<Record<string, readonly string[]>>;
  /** May it import packages, those that package.json declares? */
  readonly packages?: boolean;
}

const RULES: Readonly<Record<string, Rule>> = {
  tensor: {
    folders: [],
    inside: {
      wasm: [],
      kernels: ["wasm/", "heap.ts"],
      select: ["wasm/", "kernels/", "heap.ts", "random.ts"],
    },
  },
  autograd: { folders: ["tensor"] },
  nn: { folders: ["tensor", "autograd"] },
  parallel: { folders: ["tensor", "autograd"], node: ["launch.ts"], nodeEntries: ["launch.ts"] },
  siglip: { folders: ["tensor", "autograd", "nn", "parallel"] },
  formats: { folders: [] },
  tokenizers: { folders: ["formats"] },
  data: { folders: ["tensor", "parallel", "formats", "tokenizers"], node: "everywhere", packages: true },
  models: { folders: ["tensor", "nn", "siglip", "formats", "tokenizers"], node: "everywhere" },
  eval: { folders: [] },
  report: { folders: ["eval"], packages: true },
  run: {
    folders: [
      "tensor",
      "autograd",
      "nn",
      "parallel",
      "siglip",
      "formats",
      "tokenizers",
      "data",
      "models",
      "eval",
      "report",
    ],
    node: "everywhere",
    packages: true,
  },
  photos: { folders: ["tensor", "formats", "data", "report", "run"], node: "everywhere" },
  cli: {
    folders: ["tensor", "parallel", "siglip", "formats", "tokenizers", "data", "eval", "run", "photos"],
    node: "everywhere",
    packages: true,
  },
};

/** Files that belong to no folder. */
const ROOT_FILES: Readonly<Record<string, Rule>> = {
  // List the folders as namespaces; what a browser gets needs neither Node nor packages.
  "browser.ts": {
    folders: Object.keys(RULES).filter((name) => RULES[name].node !== "everywhere" && !RULES[name].packages),
  },
  "index.ts": { folders: Object.keys(RULES).filter((name) => name !== "cli" && name !== "report") },
  // Sets flags of the engine. Whoever starts a program imports it first.
  "engine.ts": { folders: [], node: "everywhere" },
};

/** Source by path below src/: "tensor/shape.ts". */
type Sources = ReadonlyMap<string, string>;

/** What a file imports: static, re-exported, dynamic, types too. */
function importsOf(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const patterns = [
    /^\s*(?:import|export)\b[^"';]*?\bfrom\s*"([^"]+)"/gm,
    /^\s*import\s*"([^"]+)"/gm,
    /\bimport\(\s*"([^"]+)"/g,
  ];
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1]));
}

const folderOf = (path: string): string => (path.includes("/") ? path.slice(0, path.indexOf("/")) : "");
const packageOf = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");

/** What one import breaks, if anything. */
function broken(path: string, specifier: string, sources: Sources, declared: ReadonlySet<string>): string | undefined {
  const folder = folderOf(path);
  const rule = folder === "" ? ROOT_FILES[path] : RULES[folder];
  if (!rule) return `${path}: the folder ${folder} has no row in the table of test/architecture.test.ts`;
  if (specifier.startsWith("node:")) {
    const allowed = rule.node === "everywhere" || rule.node?.includes(path.slice(folder.length + 1));
    return allowed ? undefined : `${path} imports ${specifier}; a browser must be able to run it`;
  }
  if (!specifier.startsWith(".")) {
    if (!rule.packages) return `${path} imports the package ${specifier}; it must depend on none`;
    return declared.has(packageOf(specifier))
      ? undefined
      : `${path} imports ${specifier}, which package.json does not declare`;
  }
  const target = posix.join(posix.dirname(path), specifier);
  if (!sources.has(target)) return `${path} imports ${specifier}, which is not a file under src`;
  const other = folderOf(target);
  if (other === folder) {
    if (target === `${folder}/index.ts`) return `${path} imports its own public API; import the neighbour file`;
    const inner = path.split("/")[1];
    const allowed = rule.inside?.[inner]?.concat(`${inner}/`);
    if (!allowed || allowed.some((start) => target.startsWith(`${folder}/${start}`))) return undefined;
    return `${path} imports ${specifier}: ${folder}/${inner} may not import it`;
  }
  if (target === "engine.ts" && folder === "cli") return undefined;
  if (target === "browser.ts" && path === "index.ts") return undefined;
  if (other === "") return `${path} imports ${specifier}: nobody inside imports the public API of the package`;
  if (!rule.folders.includes(other)) return `${path} imports ${specifier}: ${folder || "src"} may not import ${other}`;
  if (target === `${other}/index.ts`) return undefined;
  const isNodeEntry = RULES[other].nodeEntries?.includes(target.slice(other.length + 1)) ?? false;
  if (isNodeEntry && rule.node === "everywhere") return undefined;
  return `${path} imports ${specifier}; import ../${other}/index.ts`;
}

/** Every cycle that a walk along a graph runs into, as the nodes around it. */
function cycles(nodes: Iterable<string>, next: (node: string) => Iterable<string>): string[] {
  const found = new Set<string>();
  const state = new Map<string, "open" | "done">();
  const visit = (node: string, trail: readonly string[]): void => {
    if (state.get(node) === "done") return;
    if (state.get(node) === "open") {
      found.add(`import cycle: ${[...trail.slice(trail.indexOf(node)), node].join(" → ")}`);
      return;
    }
    state.set(node, "open");
    for (const each of next(node)) visit(each, [...trail, node]);
    state.set(node, "done");
  };
  for (const node of nodes) visit(node, []);
  return [...found];
}

/** The files that a file imports. */
const neighbours = (path: string, sources: Sources): string[] =>
  importsOf(sources.get(path) ?? "")
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => posix.join(posix.dirname(path), specifier))
    .filter((target) => sources.has(target));

const fileCycles = (sources: Sources): string[] => cycles(sources.keys(), (path) => neighbours(path, sources));

/** Folders side by side inside one of the table import one way: attention may import softmax, so not the reverse. */
function folderCycles(sources: Sources): string[] {
  const edges = new Map<string, Set<string>>();
  for (const path of sources.keys()) {
    for (const target of neighbours(path, sources)) {
      const [from, to] = [path, target].map((each) => each.split("/").slice(0, -1));
      const fork = from.findIndex((part, i) => part !== to[i]);
      if (fork < 1 || fork >= to.length) continue; // the table's business, or one folder holds the other
      const [a, b] = [from, to].map((parts) => parts.slice(0, fork + 1).join("/"));
      edges.set(a, (edges.get(a) ?? new Set()).add(b));
    }
  }
  return cycles(edges.keys(), (folder) => edges.get(folder) ?? []);
}

/** The core as a browser gets it: what its public APIs reach, however far, imports no `node:` module. */
function beyondBrowser(sources: Sources): string[] {
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path) || !sources.has(path)) return;
    reached.add(path);
    for (const specifier of importsOf(sources.get(path) ?? "")) {
      if (specifier.startsWith(".")) visit(posix.join(posix.dirname(path), specifier));
    }
  };
  for (const folder of ["tensor", "autograd", "nn", "parallel", "siglip", "formats", "tokenizers", "eval"])
    visit(`${folder}/index.ts`);
  visit("browser.ts");
  return [...reached].flatMap((path) =>
    importsOf(sources.get(path) ?? "")
      .filter((specifier) => specifier.startsWith("node:"))
      .map((specifier) => `${path} imports ${specifier}, and a public API of the core reaches it`),
  );
}

/** An index.ts is a list of exports, nothing else. */
function withCode(sources: Sources): string[] {
  return [...sources]
    .filter(([path]) => path.endsWith("index.ts"))
    .filter(([, source]) => {
      const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
      return code.replace(/export\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s+from\s+"[^"]+";/g, "").trim() !== "";
    })
    .map(([path]) => `${path} holds more than exports`);
}

function violations(sources: Sources, declared: ReadonlySet<string>): string[] {
  const imports = [...sources].flatMap(([path, source]) =>
    importsOf(source).flatMap((specifier) => broken(path, specifier, sources, declared) ?? []),
  );
  return [
    ...imports,
    ...fileCycles(sources),
    ...folderCycles(sources),
    ...withCode(sources),
    ...beyondBrowser(sources),
  ];
}

const root = new URL("..", import.meta.url).pathname;
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const declared = new Set(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }));
const sources: Sources = new Map(
  readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .sort()
    .map((path) => [path.replaceAll("\\", "/"), readFileSync(join(root, "src", path), "utf8")]),
);

describe("src", () => {
  it("imports downwards only, through public APIs, without cycles, and nothing that a browser lacks in the core", () => {
    expect(sources.size).toBeGreaterThan(50);
    expect([...sources.values()].flatMap(importsOf).length).toBeGreaterThan(200);
    expect(violations(sources, declared)).toEqual([]);
  });
});

/** Permissions of the table that no file uses. */
function unusedPermissions(sources: Sources): string[] {
  const imported = (folder: string): string[] =>
    [...sources].flatMap(([path, source]) =>
      folderOf(path) !== folder
        ? []
        : importsOf(source).map((each) => (each.startsWith(".") ? posix.join(posix.dirname(path), each) : each)),
    );
  return Object.entries(RULES).flatMap(([folder, rule]) => {
    const found = imported(folder);
    const unused = rule.folders.filter((other) => !found.some((target) => target.startsWith(`${other}/`)));
    const node = rule.node !== undefined && !found.some((target) => target.startsWith("node:")) ? ["node:"] : [];
    const packages = rule.packages && !found.some((target) => declared.has(packageOf(target))) ? ["packages"] : [];
    return [...unused, ...node, ...packages].map((what) => `${folder} may import ${what}, and does not`);
  });
}

describe("the table of rules", () => {
  it("permits nothing that nobody uses", () => {
    expect(unusedPermissions(sources)).toEqual([]);
  });
});

describe("the check itself", () => {
  const check = (files: Record<string, string>) =>
    violations(
      new Map(
        Object.entries({
          "tensor/index.ts": 'export * from "./tensor.ts";',
          "tensor/tensor.ts": "export const zeros = 0;",
          "autograd/index.ts": 'export * from "./op.ts";',
          "autograd/op.ts": 'import { zeros } from "../tensor/index.ts";',
          ...files,
        }),
      ),
      new Set(["commander"]),
    );

  it("accepts what follows the rule", () => {
    expect(check({ "cli/main.ts": 'import { Command } from "commander";\nimport { join } from "node:path";' })).toEqual(
      [],
    );
    expect(check({ "nn/a.ts": '/** import { x } from "node:fs"; */\n// import "./b.ts";' })).toEqual([]);
  });

  it.each<[string, string, string, string]>([
    ["an upward import", "tensor/a.ts", 'import { op } from "../autograd/index.ts";', "tensor may not import autograd"],
    [
      "an upward import of a type",
      "tensor/a.ts",
      'import type { Op } from "../autograd/index.ts";',
      "may not import autograd",
    ],
    [
      "an import over several lines",
      "tensor/a.ts",
      'import {\n  op,\n  type Op,\n} from "../autograd/index.ts";',
      "may not import",
    ],
    [
      "a re-export past the rule",
      "formats/a.ts",
      'export * from "../autograd/index.ts";',
      "formats may not import autograd",
    ],
    [
      "a reach past a public API",
      "nn/a.ts",
      'import { zeros } from "../tensor/tensor.ts";',
      "import ../tensor/index.ts",
    ],
    [
      "a file importing the public API of its folder",
      "tensor/a.ts",
      'import { zeros } from "./index.ts";',
      "its own public API",
    ],
    [
      "a node module in the core",
      "siglip/a.ts",
      'import { join } from "node:path";',
      "a browser must be able to run it",
    ],
    ["a dynamic import of one", "tensor/a.ts", 'const fs = await import("node:fs");', "imports node:fs"],
    ["a node module beside the allowed file", "parallel/shards.ts", 'import "node:worker_threads";', "a browser must"],
    ["a package in the core", "nn/a.ts", 'import sharp from "sharp";', "must depend on none"],
    [
      "a package that is not declared",
      "cli/a.ts",
      'import x from "@scope/pack/deep";',
      "package.json does not declare",
    ],
    ["a file that is not there", "nn/a.ts", 'import { x } from "./gone.ts";', "is not a file under src"],
    ["a folder without a row", "extra/a.ts", 'import { zeros } from "../tensor/index.ts";', "extra has no row"],
    [
      "the language of kernels importing one",
      "tensor/wasm/a.ts",
      'import { zeros } from "../tensor.ts";',
      "tensor/wasm may not import it",
    ],
    [
      "a kernel importing what is built on it",
      "tensor/kernels/gemm/simd.ts",
      'import { zeros } from "../../tensor.ts";',
      "tensor/kernels may not import it",
    ],
    [
      "the public API of the package from inside",
      "cli/a.ts",
      'import { zeros } from "../index.ts";',
      "public API of the package",
    ],
    ["an index.ts that holds code", "eval/index.ts", "export const x = 1;", "eval/index.ts holds more than exports"],
  ])("finds %s", (_, path, source, message) => {
    const found = check({ "index.ts": 'export * from "./tensor/index.ts";', [path]: source });
    expect(found.join("\n")).toContain(message);
    expect(found.length).toBe(1);
  });

  it("keeps folders that need Node from what a browser gets", () => {
    const [files, source] = [{ "data/index.ts": "" }, 'export * as data from "./data/index.ts";'];
    expect(check({ ...files, "index.ts": source })).toEqual([]);
    expect(check({ ...files, "browser.ts": source }).join()).toMatch(/^browser\.ts imports .*may not import data$/);
  });

  it("keeps the entry point that needs Node from the core, and from the core's public APIs", () => {
    const launch = { "parallel/launch.ts": 'import { Worker } from "node:worker_threads";' };
    const use = 'import { launch } from "../parallel/launch.ts";';
    expect(check({ ...launch, "cli/a.ts": use })).toEqual([]);
    expect(check({ ...launch, "siglip/a.ts": use }).join()).toContain("import ../parallel/index.ts");
    const reaching = check({ ...launch, "parallel/index.ts": 'export * from "./launch.ts";' });
    expect(reaching.join()).toContain("a public API of the core reaches it");
  });

  it("allows node modules in the named files, and finds a cycle with the files around it", () => {
    expect(check({ "parallel/launch.ts": 'import { Worker } from "node:worker_threads";' })).toEqual([]);
    const found = check({
      "nn/a.ts": 'import "./b.ts";',
      "nn/b.ts": 'import "./c.ts";',
      "nn/c.ts": 'import "./b.ts";',
    });
    expect(found).toEqual(["import cycle: nn/b.ts → nn/c.ts → nn/b.ts"]);
  });

  it("finds folders that import each other where no file does", () => {
    const found = check({
      "tensor/kernels/gemm/simd.ts": 'import "../softmax/simd.ts";',
      "tensor/kernels/softmax/simd.ts": "",
      "tensor/kernels/softmax/plain.ts": 'import "../gemm/plain.ts";',
      "tensor/kernels/gemm/plain.ts": "",
    });
    expect(found).toEqual(["import cycle: tensor/kernels/gemm → tensor/kernels/softmax → tensor/kernels/gemm"]);
  });
});
