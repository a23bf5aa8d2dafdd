#!/usr/bin/env node
/**
 * The command line: a table of commands. Results go to stdout, progress and warnings to stderr.
 *
 * Exit codes are listed in exitCodes.ts and in `siglip --help`.
 */
import "../engine.ts";
import { readFileSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import { printable } from "../formats/index.ts";
import { presetNames } from "../run/index.ts";
import { KERNEL_MODES } from "../tensor/index.ts";
import { addressSpaceHint } from "./addressSpace.ts";
import { EXIT, exitCodeOf, isExpected } from "./exitCodes.ts";
import { printableLines } from "./print.ts"; // what it does about stdout holds for help too

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

const collect = (value: string, before: readonly string[]): string[] => [...before, value];

const kernels = (about: string): Option => new Option("--kernels <mode>", about).choices(KERNEL_MODES);

const deadline = (): Option =>
  new Option("--deadline <seconds>", "how long a device may give no sign of life before the run ends (default: 30)");

const program = new Command("siglip")
  .description("SigLIP in TypeScript: train, evaluate, classify, search.")
  .version(version)
  .showHelpAfterError("(siglip --help lists the commands and their options)")
  .addHelpText(
    "after",
    "\nExit codes: 0 done · 2 usage or configuration · 65 bad data or model file · 70 internal error · 71 a device failed\n" +
      "            73 run folder in use · 74 disk · 76 loss not a number · 129/130/143 interrupted, after a clean save",
  )
  .configureOutput({
    writeErr: (text) => process.stderr.write(printableLines(text)),
    // A message repeats what was typed: a line break in that is escaped too, the one before a hint is commander's.
    outputError(text, write) {
      const hint = /\n\(Did you mean [^\n]*\)\n$/.exec(text)?.[0] ?? "\n";
      write(`${printable(text.slice(0, -hint.length))}${hint}`);
    },
  })
  .exitOverride();

program
  .command("train")
  .description("train a model; ends with a table of results and a report")
  .option("--preset <name>", `what to train: ${presetNames.join(", ")} (default: emoji)`)
  .option("--out <folder>", "run folder (default: a new one under runs/)")
  .option("--seed <number>", "the same as --set train.seed=<number>")
  .option(
    "--devices <number>",
    "worker threads that share every batch (default: the most, up to the cores, that divide it)",
  )
  .addOption(deadline())
  .option("--batch <number>", "the same as --set train.batch=<number>")
  .option("--shards <number>", "pieces of a batch, shared by the devices; many pieces need less memory")
  .addOption(kernels("the same as --set train.kernels=<mode>; strict: the same bits on every engine"))
  .addOption(
    new Option("--set <key=value>", "change one key of the configuration; may be repeated")
      .argParser(collect)
      .default([], "none"),
  )
  .option(
    "--resume",
    "go on with the run in --out; --set may change log.*, eval.*, checkpoint.*, and often train.steps",
  )
  .option("--dry-run", "say what a new run would take, and write nothing")
  .option("--json", "print what --dry-run says as JSON")
  .option("--verify", "compare devices after every step, and a checksum of every message; for memory that is in doubt")
  .action(async (options) => (await import("./train.ts")).train(options));

program
  .command("eval")
  .description("zero-shot retrieval with the newest checkpoint of a run")
  .argument("<run>", "run folder")
  .option("--devices <number>", "worker threads that share the pictures (default: the cores)")
  .addOption(deadline())
  .addOption(kernels("which kernels (default: those that the run was trained with)"))
  .option("--json", "print JSON")
  .action(async (run, options) => (await import("./eval.ts")).evaluate(run, options));

program
  .command("classify")
  .description("one picture against words: which of them names it?")
  .argument("<run>", "run folder")
  .argument("<picture>", "a PNG, JPEG, WebP, GIF, AVIF, TIFF or SVG file")
  .argument("<words...>", "candidates, each a word or a phrase in quotes")
  .option("--json", "print JSON")
  .action(async (run, picture, words, options) =>
    (await import("./classify.ts")).classify(run, picture, words, options),
  );

program
  .command("search")
  .description("words against pictures: which of them do they name?")
  .argument("<run>", "run folder")
  .argument("<query>", "what to look for")
  .argument("[pictures...]", "picture files or folders (default: the pictures that the run is tested on)")
  .option("--top <number>", "how many to show", "5")
  .option("--json", "print JSON")
  .action(async (run, query, pictures, options) => (await import("./search.ts")).search(run, query, pictures, options));

program
  .command("loss")
  .description("one loss with its gradients at any size, form and number of devices: time, memory, bytes exchanged")
  .option("--batch <number>", "pairs (default: those of --inputs, or 4096)")
  .option("--dim <number>", "width of the embeddings (default: that of --inputs, or 64)")
  .option("--t <number>", "temperature t = exp(t′) (default: that of --inputs, or 10)")
  .option("--b <number>", "bias (default: that of --inputs, or -10)")
  .option(
    "--devices <number>",
    "worker threads that share the batch (default: the most, up to the cores, that divide it)",
  )
  .addOption(deadline())
  .option("--form <form>", "fused, chunked (the paper's ring), gather, dense, or softmax", "fused")
  .addOption(kernels("which kernels; strict: the same bits on every engine").default("fast"))
  .option("--seed <number>", "inputs are a function of it", "0")
  .option("--inputs <file>", "safetensors with in.u, in.v [B, d] (before normalization), in.t (t′) and in.b")
  .option(
    "--gradients <file>",
    "write out.loss, grad.u, grad.v (before normalization), grad.t and grad.b as safetensors",
  )
  .option("--check <rows>", "compute so many rows of the gradients again in f64, and estimate the loss from them")
  .option("--draw", "draw who computed which block at which hop")
  .option("--json", "print JSON")
  .action(async (options) => (await import("./loss.ts")).loss(options));

program
  .command("info")
  .description("this machine: cores, the kernels chosen, their speed")
  .addOption(kernels("which kernels; strict: the same bits on every engine").default("fast"))
  .option("--json", "print JSON")
  .action(async (options) => (await import("./info.ts")).info(options));

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has said on stderr what is wrong with the command line.
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
  } else {
    const { message, stack } = error as Error;
    const text = `siglip: ${isExpected(error) ? message : stack}${addressSpaceHint(error)}`;
    process.stderr.write(printableLines(`${text}\n`));
    process.exitCode = exitCodeOf(error);
  }
}
