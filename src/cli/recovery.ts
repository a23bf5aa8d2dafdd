/** Advice after a failed run: usable checkpoints, all read and checked, and how to resume. */
import { type Checkpoint, firstNonFinite, type RunFolder } from "../run/index.ts";
import { isExpected } from "./exitCodes.ts";
import { commandLine } from "./invocation.ts";

/** The command that resumes a run. */
export const resumeCommand = (path: string): string => commandLine(["train", "--resume", "--out", path]);

interface Saved {
  readonly step: number;
  readonly trainLoss: number | undefined;
  /** Its file names as a pattern. */
  readonly files: string;
  /** The first tensor with NaN or infinity, if any. */
  readonly bad: string | undefined;
}

/** Advice after a device failed; `nonFinite`: because a number became NaN or infinite. */
export function howToGoOn(run: RunFolder, digest: string, nonFinite: boolean): string {
  try {
    return adviceFor(run, digest, nonFinite);
  } catch (error) {
    if (!isExpected(error)) throw error;
    return `the checkpoints in ${run.path} cannot be read: ${error.message}`;
  }
}

function adviceFor({ checkpoints, path }: RunFolder, digest: string, nonFinite: boolean): string {
  const how = resumeCommand(path);
  const saved = [...checked(checkpoints.whole(digest))];
  if (saved.length === 0) {
    if (checkpoints.isEmpty())
      return nonFinite ? "nothing was saved before" : `nothing was saved before; start again with: ${how}`;
    return `no checkpoint in ${path} is intact`;
  }
  const good = saved.filter(({ bad }) => bad === undefined);
  const [newest] = saved;
  if (!nonFinite && newest.bad === undefined)
    return `the checkpoint of step ${newest.step} is intact; resume with: ${how}`;
  const lines = saved.map(({ step, trainLoss, files, bad }) => {
    const loss = trainLoss === undefined ? "" : `, mean loss ${trainLoss.toPrecision(4)} before it`;
    return `  step ${step}: ${bad === undefined ? `intact and finite${loss}` : `NaN or infinity in ${bad}`} (${path}/checkpoint/${files})`;
  });
  const advice = "The same settings would fail again: start a new run with a lower optim.lr or a longer optim.warmup.";
  const best = good.reduce<Saved | undefined>(
    (least, each) => ((each.trainLoss ?? Infinity) < (least?.trainLoss ?? Infinity) ? each : (least ?? each)),
    undefined,
  );
  const use = !best
    ? "No saved checkpoint is usable."
    : best === newest
      ? `The checkpoint of step ${best.step} is good; eval, search and classify use it.`
      : `The checkpoint of step ${best.step} is good. eval, search, classify and --resume use the newest: to use this one, move the files of later steps away.`;
  return ["saved before:", ...lines, use, advice].join("\n");
}

/** One checkpoint in memory at a time. */
function* checked(all: Iterable<Checkpoint & { readonly files: string }>): Generator<Saved> {
  for (const { step, trainLoss, tensors, files } of all) yield { step, trainLoss, files, bad: firstNonFinite(tensors) };
}
