/** `npm run speedrun`: records of training with few operations (docs/RECORDS.md). */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ConfigError } from "../src/run/index.ts";
import { runRecord, tableOf } from "./judge.ts";
import { RecordError, SEEDS } from "./record.ts";
import { MOST_SEEDS } from "./statistics.ts";
import { trainSeed } from "./trainSeed.ts";

const folder = fileURLToPath(new URL("./records", import.meta.url));
const USAGE = `usage: npm run speedrun -- NAME [--seeds 5]   trains the seeds of a record and judges them
       npm run speedrun -- --list              the table of all records, with their names`;
const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seeds: { type: "string", default: `${SEEDS}` },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return print(USAGE);
  if (values.list) return print(tableOf(folder));
  const seeds = Number(values.seeds);
  if (positionals.length !== 1) throw new TypeError(`give the name of one record, not ${positionals.length}`);
  if (!Number.isInteger(seeds) || seeds < 1 || seeds > MOST_SEEDS) {
    throw new TypeError(`--seeds ${values.seeds} is not an integer from 1 to ${MOST_SEEDS}`);
  }
  await runRecord(positionals[0], { folder, seeds, trainSeed, print });
}

try {
  await main();
} catch (error) {
  if (![TypeError, RecordError, ConfigError].some((known) => error instanceof known)) throw error;
  process.stderr.write(`speedrun: ${(error as Error).message}\n${USAGE}\n`);
  process.exitCode = 2;
}
