/**
 * What the process answers: 0 exactly when the requested work is done.
 *
 * 65, 70, 73 and 74 have their meaning from BSD's sysexits.h; 128 + n is the shell's word for signal n.
 */
import { DeviceError } from "../parallel/index.ts";
import { isSystemError } from "../run/index.ts";

export const EXIT = {
  done: 0,
  usage: 2, // a command line or configuration that cannot be used
  data: 65, // a data, model or checkpoint file that cannot be used
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
 * Errors that do not carry their code themselves, by name: an error from another thread has lost its class. What is not here
 * is a mistake in a program, of this project or of somebody who uses its parts.
 */
const BY_NAME: Readonly<Record<string, ExitCode>> = {
  ConfigError: EXIT.usage,
  ConfigurationError: EXIT.usage,
  DataError: EXIT.usage,
  KernelError: EXIT.usage, // kernels that this engine cannot run; others are there
  MissingPackageError: EXIT.usage,
  RunFolderError: EXIT.usage,
  OutOfMemoryError: EXIT.usage, // of what was asked for; where the system has no memory, a device failed
  ScheduleError: EXIT.usage,
  ShardError: EXIT.usage,
  EvaluationError: EXIT.data, // a model whose embeddings are no numbers
  FormatError: EXIT.data,
  PictureError: EXIT.data,
  TokenizerError: EXIT.data,
  CheckpointError: EXIT.data, // unless its code says that the disk failed
  AbortedError: EXIT.workerDied,
  CorruptionError: EXIT.workerDied,
  DeadlineError: EXIT.workerDied,
  DesyncError: EXIT.workerDied,
  SystemMemoryError: EXIT.workerDied,
  RunLockedError: EXIT.locked,
  NonFiniteError: EXIT.nonFinite,
};

/** Codes of `CheckpointError` that mean the disk. */
const DISK: readonly unknown[] = ["CKPT_NO_SPACE", "CKPT_IO"];

/** The exit code for an error that ends the program; errors of the command line carry their own as `exitCode`. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof Error)) return EXIT.internal;
  if ("exitCode" in error && isExitCode(error.exitCode)) return error.exitCode;
  if (error.name === "CheckpointError" && "code" in error && DISK.includes(error.code)) return EXIT.io;
  if (error.name in BY_NAME) return BY_NAME[error.name];
  if (error instanceof DeviceError || error.name === "BatchStreamError") {
    const code = exitCodeOf(error.cause);
    return code === EXIT.internal ? EXIT.workerDied : code;
  }
  return isSystemError(error) || isDenied(error) ? EXIT.io : EXIT.internal;
}

/** Node runs under its permission model, and it lacks one; the message names it. */
const isDenied = (error: Error): boolean => "code" in error && error.code === "ERR_ACCESS_DENIED";

/** Whether the message alone tells what to do; the stack is for what nobody expected. */
export const isExpected = (error: unknown): error is Error => exitCodeOf(error) !== EXIT.internal;
