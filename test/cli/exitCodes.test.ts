import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { GraphError } from "../../src/autograd/index.ts";
import { EXIT, type ExitCode, exitCodeOf, isExpected } from "../../src/cli/exitCodes.ts";
import { DataError, MissingPackageError, PictureError, PreprocessError, SourceError } from "../../src/data/index.ts";
import { EvaluationError } from "../../src/eval/index.ts";
import { FormatError } from "../../src/formats/index.ts";
import { ModelFolderError } from "../../src/models/index.ts";
import { NonFiniteError, OptimizerError, ScheduleError } from "../../src/nn/index.ts";
import {
  AbortedError,
  CorruptionError,
  DeadlineError,
  DesyncError,
  DeviceError,
  ShardError,
} from "../../src/parallel/index.ts";
import { PhotoIndexError } from "../../src/photos/index.ts";
import { ReportError } from "../../src/report/data.ts";
import { BlendError } from "../../src/run/blend.ts";
import { CheckpointError } from "../../src/run/checkpoint.ts";
import { ConfigError } from "../../src/run/config.ts";
import { EmbeddingsError } from "../../src/run/imageEmbeddings.ts";
import { RunLockedError } from "../../src/run/lock.ts";
import { LossFileError, LossInputsError } from "../../src/run/loss/files.ts";
import { RunFolderError } from "../../src/run/runFolder.ts";
import { ModelConfigError } from "../../src/siglip/index.ts";
import {
  IndexError,
  KernelError,
  LifetimeError,
  OutOfMemoryError,
  ShapeError,
  SystemMemoryError,
} from "../../src/tensor/index.ts";
import { TokenizerError } from "../../src/tokenizers/index.ts";

/** Every class of errors with its exit code. */
const CODES: readonly [error: Error, code: ExitCode][] = [
  [new ConfigError([]), EXIT.usage],
  [new BlendError("x"), EXIT.usage],
  [new PhotoIndexError("x"), EXIT.usage],
  [new SourceError("x"), EXIT.data],
  [new ModelConfigError("x"), EXIT.usage],
  [new DataError("x"), EXIT.usage],
  [new KernelError("x"), EXIT.usage],
  [new MissingPackageError("x"), EXIT.usage],
  [new OutOfMemoryError("x"), EXIT.usage],
  [new RunFolderError("x"), EXIT.usage],
  [new ScheduleError("x"), EXIT.usage],
  [new ShardError("x"), EXIT.usage],
  [new CheckpointError("CKPT_DAMAGED", "x"), EXIT.data],
  [new CheckpointError("CKPT_VERSION", "x"), EXIT.data],
  [new CheckpointError("CKPT_CONFIG", "x"), EXIT.data],
  [new EmbeddingsError("x"), EXIT.data],
  [new ModelFolderError("x"), EXIT.usage],
  [new EvaluationError("x"), EXIT.data],
  [new FormatError("ST_HOLE", "x", 0, "x"), EXIT.data],
  [new LossInputsError("x"), EXIT.data],
  [new PictureError("x", "png"), EXIT.data],
  [new PreprocessError("x"), EXIT.data],
  [new TokenizerError("x"), EXIT.data],
  [new AbortedError("x"), EXIT.workerDied],
  [new CorruptionError("x", []), EXIT.workerDied],
  [new DeadlineError("x"), EXIT.workerDied],
  [new DesyncError("x"), EXIT.workerDied],
  [new DeviceError(0, "x"), EXIT.workerDied],
  [new SystemMemoryError("x"), EXIT.workerDied],
  [new RunLockedError("x"), EXIT.locked],
  [new CheckpointError("CKPT_NO_SPACE", "x"), EXIT.io],
  [new CheckpointError("CKPT_IO", "x"), EXIT.io],
  [new LossFileError("x"), EXIT.io],
  [Object.assign(new Error("x"), { code: "ENOSPC" }), EXIT.io],
  [Object.assign(new Error("x"), { code: "ERR_ACCESS_DENIED" }), EXIT.io],
  [new NonFiniteError("x"), EXIT.nonFinite],
  // Bugs: with a stack.
  [new GraphError("x"), EXIT.internal],
  [new IndexError("x"), EXIT.internal],
  [new LifetimeError("x"), EXIT.internal],
  [new OptimizerError("x"), EXIT.internal],
  [new ReportError("x"), EXIT.internal],
  [new ShapeError("x"), EXIT.internal],
  [new TypeError("x"), EXIT.internal],
];

const label = ([error, code]: (typeof CODES)[number]) =>
  [`${error.name}${"code" in error ? ` ${error.code}` : ""}`, error, code] as const;

/** An error from another thread: its class is lost, its name and own fields are kept. */
const fromThread = ({ name, message, stack, ...fields }: Error): Error =>
  Object.assign(new Error(message), fields, { name, stack });

describe("an error", () => {
  it.each(CODES.map(label))("%s has its exit code, here and from another thread", (_, error, code) => {
    expect(exitCodeOf(error)).toBe(code);
    expect(isExpected(error)).toBe(code !== EXIT.internal);
    if (error instanceof DeviceError) return; // made on the main thread
    const inDevice = code === EXIT.internal ? EXIT.workerDied : code;
    expect(exitCodeOf(new DeviceError(1, "x", { cause: fromThread(error) }))).toBe(inDevice);
  });

  it("of every class in src is in this table", () => {
    const src = new URL("../../src/", import.meta.url);
    const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
    const classes = files.flatMap((name) =>
      [...readFileSync(new URL(name, src), "utf8").matchAll(/class (\w+) extends Error\b/g)].map(([, found]) => found),
    );
    expect(classes.length).toBeGreaterThan(25);
    const tested = new Set(CODES.map(([error]) => error.name));
    expect(classes.filter((name) => !tested.has(name))).toEqual([]);
  });

  it("that is unknown, or has an unknown code, is internal", () => {
    for (const thrown of ["text", undefined, { exitCode: 2 }, Object.assign(new Error("x"), { exitCode: 3 })]) {
      expect(exitCodeOf(thrown)).toBe(EXIT.internal);
    }
  });
});
