#!/usr/bin/env node
/**
 * The command line: the table of commands. Results go to stdout, progress and warnings to stderr.
 *
 * Exit codes are listed in exitCodes.ts and in `siglip --help`.
 */
import "../engine.ts";
import { readFileSync } from "node:fs";
import { Argument, Command, CommanderError, Option } from "commander";
import { printable } from "../formats/index.ts";
import { presetNames } from "../run/index.ts";
import { lossForms } from "../siglip/index.ts";
import { KERNEL_MODES } from "../tensor/index.ts";
import { addressSpaceHint } from "./addressSpace.ts";
import { EXIT, exitCodeOf, isExpected } from "./exitCodes.ts";
import { commandLine } from "./invocation.ts";
import { printableLines } from "./print.ts"; // its handling of stdout applies to help too

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

const collect = (value: string, before: readonly string[]): string[] => [...before, value];

const kernels = (about: string): Option => new Option("--kernels <mode>", about).choices(KERNEL_MODES);

const deadline = (): Option =>
  new Option("--deadline <seconds>", "end the run if a device sends no heartbeat for this many seconds (default: 30)");

const program = new Command(commandLine([]))
  .description("SigLIP in TypeScript: train, evaluate, classify, search.")
  .version(version)
  .showHelpAfterError(`(${commandLine(["--help"])} lists the commands and their options)`)
  .addHelpText(
    "after",
    "\nExit codes: 0 done · 2 usage or configuration · 65 bad data or model file · 70 internal error · 71 a device failed\n" +
      "            73 run folder in use · 74 disk · 76 NaN or infinity · 129/130/143 interrupted, after a clean save",
  )
  .configureOutput({
    writeErr: (text) => process.stderr.write(printableLines(text)),
    // A message repeats what was typed, with line breaks escaped; the one before a hint is commander's.
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
    "worker threads that share every batch (default: the largest number, up to the cores, that divides it)",
  )
  .addOption(deadline())
  .option("--batch <number>", "the same as --set train.batch=<number>")
  .option("--shards <number>", "pieces of a batch, shared by the devices; more pieces need less memory")
  .addOption(kernels("the same as --set train.kernels=<mode>; strict: bit-identical on every engine"))
  .addOption(
    new Option("--set <key=value>", "change one key of the configuration (config lists them); may be repeated")
      .argParser(collect)
      .default([], "none"),
  )
  .option("--data <path>", "train on your own images with captions: a folder, or a table; sets data.name and data.path")
  .option(
    "--init <model>",
    "start from the weights of a run, a saved model, or with --data released weights; model and tokenizer are kept",
  )
  .option("--lock <tower>", "the same as --set train.lock=<tower>; image: keep the image tower of --init unchanged")
  .option("--embeddings <file>", "embeddings of the training images by embed (default: computed at the start)")
  .option(
    "--resume",
    "resume the run in --out, by default the newest in runs/; --set may change log.*, eval.*, checkpoint.*, and often train.steps",
  )
  .option(
    "--dry-run",
    "print the size, the time and the files of a new run, after a trial of some steps; write nothing",
  )
  .option("--json", "print the result of --dry-run as JSON")
  .option("--verify", "compare devices after every step and checksum every message; use it if you suspect faulty RAM")
  .action(async (options) => (await import("./train.ts")).train(options));

program
  .command("config")
  .description("list the keys of --set: value, accepted values, meaning, and what a preset changes")
  .argument("[preset]", `one of ${presetNames.join(", ")} (default: the values before any preset)`)
  .option("--json", "print JSON")
  .action(async (preset, options) => (await import("./config.ts")).config(preset, options));

program
  .command("runs")
  .description("list runs: state, steps, loss, recall, and how their configuration differs from a preset; newest last")
  .argument("[folder]", "a folder of runs, or one run (default: runs)")
  .option("--json", "print JSON")
  .action(async (folder, options) => (await import("./runs.ts")).runs(folder, options));

program
  .command("eval")
  .description("measure zero-shot retrieval with the newest checkpoint of a run")
  .argument("<run>", "run folder")
  .option(
    "--probe",
    "also fit the few-shot probe: a linear classifier on the image tower, from 1, 5, 10 and 25 pictures a class",
  )
  .option("--devices <number>", "worker threads that share the pictures (default: the number of cores)")
  .addOption(deadline())
  .addOption(kernels("kernels to use (default: those of the training)"))
  .option("--json", "print JSON")
  .action(async (run, options) => (await import("./eval.ts")).evaluate(run, options));

program
  .command("embed")
  .description("the embeddings of a run's training images in a file, for train --lock image --embeddings")
  .argument("<run>", "run folder")
  .requiredOption("--out <file>", "file to write, .safetensors; an interrupted command continues")
  .option("--devices <number>", "worker threads that share the images (default: the cores)")
  .addOption(deadline())
  .addOption(kernels("which kernels (default: those of the training)"))
  .option("--json", "print JSON")
  .action(async (run, options) => (await import("./embed.ts")).embed(run, options));

program
  .command("classify")
  .description("rank words by how well they describe a picture")
  .argument("<run>", "run folder")
  .argument("<picture>", "a PNG, JPEG, WebP, GIF, AVIF, TIFF or SVG file")
  .argument("<words...>", "candidates, each a word or a quoted phrase")
  .option("--json", "print JSON")
  .action(async (run, picture, words, options) =>
    (await import("./classify.ts")).classify(run, picture, words, options),
  );

program
  .command("search")
  .description("rank pictures by how well they match a query")
  .argument("<run>", "run folder")
  .argument("<query>", "what to look for")
  .argument("[pictures...]", "picture files or folders (default: the test pictures of the run)")
  .option("--top <number>", "how many pictures to show", "5")
  .option("--json", "print JSON")
  .action(async (run, query, pictures, options) => (await import("./search.ts")).search(run, query, pictures, options));

program
  .command("loss")
  .description("compute one loss with its gradients; print time, memory and bytes exchanged")
  .option("--batch <number>", "number of pairs (default: that of --inputs, or 4096)")
  .option("--dim <number>", "width of the embeddings (default: that of --inputs, or 64)")
  .option("--t <number>", "temperature t = exp(t′) (default: that of --inputs, or 10)")
  .option("--b <number>", "bias (default: that of --inputs, or -10)")
  .option(
    "--devices <number>",
    "worker threads that share the batch (default: the largest number, up to the cores, that divides it)",
  )
  .addOption(deadline())
  .addOption(
    new Option("--form <form>", "how to compute the loss; chunked is the paper's ring")
      .choices(Object.keys(lossForms))
      .default("fused"),
  )
  .addOption(kernels("kernels to use; strict: bit-identical on every engine").default("fast"))
  .option("--seed <number>", "seed of the inputs", "0")
  .option("--inputs <file>", "safetensors with in.u, in.v [B, d] (before normalization), in.t (t′) and in.b")
  .option(
    "--gradients <file>",
    "write out.loss, grad.u, grad.v (before normalization), grad.t and grad.b as safetensors",
  )
  .option("--check <rows>", "recompute this many rows of each gradient in f64, and estimate the loss from them")
  .option("--draw", "draw which device computed which block at which hop")
  .option("--json", "print JSON")
  .action(async (options) => (await import("./loss.ts")).loss(options));

program
  .command("data")
  .description("prepare a data set that is not part of the package: download it, render it once, print what it holds")
  .addArgument(new Argument("<name>", "which one").choices(["icons"]))
  .option("--json", "print JSON")
  .action(async (_name, options) => (await import("./dataIcons.ts")).dataIcons(options));

program
  .command("info")
  .description("show the cores, the kernels chosen and their speed")
  .addOption(kernels("kernels to use; strict: bit-identical on every engine").default("fast"))
  .option("--json", "print JSON")
  .action(async (options) => (await import("./info.ts")).info(options));

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed the problem on stderr.
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
  } else {
    const { message, stack } = error as Error;
    const text = `siglip: ${isExpected(error) ? message : stack}${addressSpaceHint(error)}`;
    process.stderr.write(printableLines(`${text}\n`));
    process.exitCode = exitCodeOf(error);
  }
}
