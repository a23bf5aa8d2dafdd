/**
 * Exit codes: 0 exactly when the requested work is done.
 *
 * 65, 70, 73 and 74 are those of BSD's sysexits.h; 128 + n means signal n, as in shells.
 */
import { DeviceError } from "../parallel/index.ts";
import { isSystemError } from "../run/index.ts";

export const EXIT = {
  done: 0,
  usage: 2, // an invalid command line or configuration
  data: 65, // an invalid data, model or checkpoint file
  internal: 70,
  workerDied: 71,
  locked: 73, // another process owns the run folder
  io: 74, // disk full, no permission, device error
  nonFinite: 76, // loss or gradient became NaN or infinite
  hungUp: 129, // SIGHUP, after a clean save
  interrupted: 130, // SIGINT, after a clean save
  terminated: 143, // SIGTERM, after a clean save
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const CODES: readonly number[] = Object.values(EXIT);
const isExitCode = (value: unknown): value is ExitCode => typeof value === "number" && CODES.includes(value);

/**
 * Errors without a code of their own, by name, since an error from another thread has lost its class. Any other error is a
 * bug in this project or in a program that uses it.
 */
const BY_NAME: Readonly<Record<string, ExitCode>> = {
  BlendError: EXIT.usage,
  ConfigError: EXIT.usage,
  DataError: EXIT.usage,
  KernelError: EXIT.usage, // kernels that this engine cannot run; others work
  MissingPackageError: EXIT.usage,
  ModelConfigError: EXIT.usage,
  ModelFolderError: EXIT.usage,
  PhotoIndexError: EXIT.usage,
  RunFolderError: EXIT.usage,
  OutOfMemoryError: EXIT.usage, // the request is too large; if the system has no memory, a device failed
  ScheduleError: EXIT.usage,
  ShardError: EXIT.usage,
  EmbeddingsError: EXIT.data,
  EvaluationError: EXIT.data, // embeddings of a model are NaN or infinite
  FormatError: EXIT.data,
  LossInputsError: EXIT.data,
  PictureError: EXIT.data,
  PreprocessError: EXIT.data,
  SourceError: EXIT.data,
  TokenizerError: EXIT.data,
  CheckpointError: EXIT.data, // unless its code says that the disk failed
  AbortedError: EXIT.workerDied,
  CorruptionError: EXIT.workerDied,
  DeadlineError: EXIT.workerDied,
  DesyncError: EXIT.workerDied,
  SystemMemoryError: EXIT.workerDied,
  LossFileError: EXIT.io,
  RunLockedError: EXIT.locked,
  NonFiniteError: EXIT.nonFinite,
};

/** Codes of `CheckpointError` that mean a disk failure. */
const DISK: readonly unknown[] = ["CKPT_NO_SPACE", "CKPT_IO"];

/** The exit code for an error that ends the program; some errors carry their own as `exitCode`. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof Error)) return EXIT.internal;
  if ("exitCode" in error && isExitCode(error.exitCode)) return error.exitCode;
  if (error.name === "CheckpointError" && "code" in error && DISK.includes(error.code)) return EXIT.io;
  if (error.name in BY_NAME) return BY_NAME[error.name];
  if (error instanceof DeviceError) {
    const code = exitCodeOf(error.cause);
    return code === EXIT.internal ? EXIT.workerDied : code;
  }
  return isSystemError(error) || isDenied(error) ? EXIT.io : EXIT.internal;
}

/** Node's permission model denied an access; the message names it. */
const isDenied = (error: Error): boolean => "code" in error && error.code === "ERR_ACCESS_DENIED";

/** Whether the message alone suffices; unexpected errors also need the stack. */
export const isExpected = (error: unknown): error is Error => exitCodeOf(error) !== EXIT.internal;
