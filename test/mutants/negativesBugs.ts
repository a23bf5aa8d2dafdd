/** Mistakes in which negatives count, in pairs of one text, and in label noise. */
import type { Bug, Place } from "./bug.ts";

const TESTS = ["test/siglip/negatives.test.ts"];
const rule = (find: string, replace: string): Place => ({ file: "tensor/pairRule.ts", find, replace });
const rank = (find: string, replace: string): Place => ({ file: "siglip/rankNegatives.ts", find, replace });
const negatives = (find: string, replace: string): Place => ({ file: "siglip/negatives.ts", find, replace });
const noise = (find: string, replace: string): Place => ({ file: "data/noise.ts", find, replace });

export const negativesBugs: readonly Bug[] = [
  {
    name: "maskOnDiagonal",
    what: "a matching pair is masked like a negative, or ranked among them",
    places: [
      [rule("  for (const { place, s } of matching) numbers[place] = s;\n", "")],
      [rule("  if (i === j) return 1;\n", "")],
      [rule("    for (const place of diagonalOf(tile, rule, dtype)) numbers[place] = Number.NaN;\n", "")],
      [rule("if (c >= left && c !== r)", "if (c >= left)")],
    ],
    tests: TESTS,
  },
  {
    name: "maskTransposed",
    what: "the pair of image j and text i is masked in place of image i and text j",
    places: [
      [rule("mix(kept.rowKeys[i] ^ kept.colKeys[j])", "mix(kept.rowKeys[j] ^ kept.colKeys[i])")],
      [rule("i * batch + j <= kept.lastIndex", "j * batch + i <= kept.lastIndex")],
      [
        rule(
          "keys.set(rowKeys.subarray(row + i, row + i + rows));",
          "keys.set(colKeys.subarray(row + i, row + i + rows));",
        ),
        rule(
          "keys.set(colKeys.subarray(col + j, col + j + cols), rows);",
          "keys.set(rowKeys.subarray(col + j, col + j + cols), rows);",
        ),
      ],
    ],
    tests: TESTS,
  },
  {
    name: "choicePerRow",
    what: "a share of each row, or of each device's rows, is chosen in place of a share of the whole batch",
    places: [
      [
        rank(
          '  const [above, inside, ...bins] = cut.comm.allReduce(tensor(counts, [counts.length], "f64")).data;',
          "  const [above, inside, ...bins] = cut.comm.size > 1 ? counts.map((x) => x * cut.comm.size) : counts;",
        ),
      ],
      [
        negatives(
          "const keys = (side: Rng): Int32Array => Int32Array.from({ length: n }, () => side.bits());",
          'const keys = (side: Rng): Int32Array => Int32Array.from({ length: n }, () => (side === images ? side.bits() : 0)); const images = of.split("images");',
        ),
        negatives('rowKeys: keys(of.split("images"))', "rowKeys: keys(images)"),
      ],
    ],
    tests: TESTS,
  },
  {
    name: "choiceOfAnotherStep",
    what: "negatives are chosen as in another step, or noise drawn as in another",
    places: [
      [negatives('rng.split("negatives")', 'new (rng.constructor as typeof Rng)(0).split("negatives")')],
      [
        {
          file: "siglip/pairObjective.ts",
          find: "        ...(batch.rng ? { rng: batch.rng } : {}),\n",
          replace: "        rng: new Rng(0),\n",
        },
        { file: "siglip/pairObjective.ts", find: "import { full,", replace: "import { Rng, full," },
      ],
    ],
    tests: TESTS,
  },
  {
    name: "tiesByChance",
    what: "of equally similar pairs the last ones are kept, all, or none",
    places: [
      [rank('ascending(gathered(own, comm, "f64"), k - above - 1)', "Number.POSITIVE_INFINITY")],
      [rank("ROWS - 1 - Math.floor(index / cut.batch)", "Math.floor(index / cut.batch)")],
      [rule("within((lastIndex % batch) + 1 - (col + j), cols)", "within((lastIndex % batch) - (col + j), cols)")],
    ],
    tests: TESTS,
  },
  {
    name: "groupsOfOneDevice",
    what: "pairs of one text are looked for among the rows of one device, or in their place in a shard",
    places: [
      [
        negatives(
          'const all = scope(() => Int32Array.from(comm.allGather(tensor(own, [own.length], "f64")).data));',
          "const all = Int32Array.from({ length: own.length * comm.size }, (_, i) => (i < own.length ? own[i] : -i));",
        ),
      ],
      [
        {
          file: "siglip/shardRing.ts",
          find: "rule && { ...rule, row: image * n, col: text * n, batch }",
          replace: "rule && { ...rule, row: image * n, col: image * n, batch }",
        },
      ],
    ],
    tests: TESTS,
  },
  {
    name: "noiseOfAnotherStep",
    what: "noise is the same in every step, or depends on how rows are drawn",
    places: [
      [noise('new Rng(seed).split("noise").split(step)', 'new Rng(seed).split("noise")')],
      [noise("ofStep.split(first + i)", "ofStep.split(i)")],
      // biome-ignore lint/suspicious/noTemplateCurlyInString: text of the source
      [noise("key = `${seed}/${step}/${batch}`;", "key = `${seed}/${step + 1}/${batch}`;")],
      [noise("const own = rng.split(what);", 'const own = rng.split("noise");')],
    ],
    tests: ["test/data/noise.test.ts"],
  },
];
