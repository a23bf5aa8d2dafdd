#!/usr/bin/env node
/**
 * The command line: the table of commands. Results go to stdout, progress and warnings to stderr.
 *
 * Exit codes are listed in exitCodes.ts and in `siglip --help`.
 */
import "../engine.ts";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { Argument, Command, CommanderError, Option } from "commander";
import { printable } from "../formats/index.ts";
import { presetNames } from "../run/index.ts";
import { lossForms } from "../siglip/index.ts";
import { KERNEL_MODES } from "../tensor/index.ts";
import { addressSpaceHint } from "./addressSpace.ts";
import { keysHint, optionHint } from "./config.ts";
import { EXIT, exitCodeOf, isExpected } from "./exitCodes.ts";
import { commandLine } from "./invocation.ts";
import { printableLines } from "./print.ts"; // its handling of stdout applies to help too

// Images are decoded on libuv's threads, of which there are 4 by default; it reads this when it is first used.
process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, availableParallelism()));

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

const collect = (value: string, before: readonly string[]): string[] => [...before, value];

const kernels = (about: string): Option => new Option("--kernels <mode>", about).choices(KERNEL_MODES);

const deadline = (): Option =>
  new Option("--deadline <seconds>", "end the run if a device sends no heartbeat for this many seconds (default: 30)");

/** The presets for help; `files` needs images, so nobody names it to start. */
const PRESETS = presetNames.map((name) => (name === "files" ? "files (that of --data)" : name)).join(", ");

const MODEL = "run folder, saved model, or released weights (a folder, or an npz file)";

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
  .option("--preset <name>", `what to train: ${PRESETS}; config shows what one changes (default: emoji)`)
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
    "start from the weights of a run, a saved model, or with --data released weights; keeps model and tokenizer, or with train.objective=classify the image tower",
  )
  .option("--lock <tower>", "the same as --set train.lock=<tower>; image: keep the image tower of --init unchanged")
  .option("--embeddings <file>", "embeddings of the training images by embed (default: computed at the start)")
  .option(
    "--resume",
    "resume the run in --out, by default the newest in runs/; --set may change log.*, eval.*, checkpoint.*, and often train.steps",
  )
  .option("--dry-run", "print the size, the time and the files of a new run, after a trial of some steps; write no run")
  .option("--sheet <file>", "with --dry-run: write the first pictures and texts, as the model sees them, as HTML")
  .option("--json", "print the result of --dry-run as JSON")
  .option("--verify", "compare devices after every step and checksum every message; use it if you suspect faulty RAM")
  .action(async (options) => (await import("./train.ts")).train(options));

program
  .command("config")
  .description("list the keys of --set: value, accepted values, meaning, and what a preset changes")
  .argument("[preset]", `one of ${PRESETS} (default: the values before any preset)`)
  .option("--preset <name>", "the same as the argument")
  .option("--json", "print JSON")
  .action(async (preset, options) => (await import("./config.ts")).config(preset, options));

program
  .command("runs")
  .description(
    "list runs: state, steps, loss, recall or accuracy, and how their configuration differs from a preset; newest last",
  )
  .argument("[folder]", "a folder of runs, or one run (default: runs)")
  .option("--json", "print JSON")
  .action(async (folder, options) => (await import("./runs.ts")).runs(folder, options));

program
  .command("report")
  .description("write the report of a run with its newest checkpoint; of several runs, one page that compares them")
  .argument("<runs...>", "run folders")
  .option("--out <file>", "file to write, .html (default: report.html in the run; of several runs comparison.html)")
  .action(async (runs, options) => (await import("./report.ts")).report(runs, options));

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
  .description(
    "embeddings in a file: of --images or --texts; without these, of a run's training images, for train --lock image --embeddings",
  )
  .argument("<model>", MODEL)
  .requiredOption("--out <file>", "file to write: .npy, .safetensors or .jsonl; for training images .safetensors")
  .option("--images <paths...>", "picture files or folders; rows in this order")
  .option("--texts <file>", 'texts, one a line, or .jsonl with "text"; rows in this order')
  .option("--devices <number>", "worker threads that share the training images (default: the cores)")
  .addOption(deadline())
  .addOption(kernels("which kernels (default: those of the training)"))
  .option("--json", "print JSON")
  .action(async (model, options) =>
    options.images || options.texts !== undefined
      ? (await import("./embedModel.ts")).embedModel(model, options)
      : (await import("./embed.ts")).embed(model, options),
  );

program
  .command("classify")
  .description("rank labels by how well they describe a picture")
  .argument("<model>", MODEL)
  .argument("<picture>", "a PNG, JPEG, WebP, GIF, AVIF, TIFF or SVG file, or a folder of them")
  .argument("[words...]", "labels, each a word or a quoted phrase; with --labels more pictures or folders")
  .option("--labels <list>", 'labels, separated by commas: "a cat,a dog"')
  .addOption(
    new Option("--template <text>", 'text with {} for the label: "a photo of a {}"; of several, the mean direction')
      .argParser(collect)
      .default([], "none"),
  )
  .option("--json", "print JSON, a line for each picture")
  .action(async (model, picture, words, options) =>
    (await import("./classify.ts")).classify(model, picture, words, options),
  );

program
  .command("index")
  .description("embed the pictures of a folder, so that search finds them at once; later runs embed what has changed")
  .argument("<folder>", "folder of pictures; hidden files are left out")
  .requiredOption("--model <model>", "a run, a saved model, or released weights")
  .option("--out <index>", "folder of the index (default: .siglip-index in the folder)")
  .addOption(
    new Option("--skip <path>", "leave out this file or folder below the folder; may be repeated")
      .argParser(collect)
      .default([], "none"),
  )
  .option("--json", "print JSON")
  .action(async (folder, options) => (await import("./indexPhotos.ts")).indexPhotos(folder, options));

program
  .command("search")
  .description("rank pictures by how well they match a query")
  .argument("<where>", "an index or its folder of pictures; or a run, a saved model, or released weights")
  .argument("[query]", "what to look for; several words in quotes")
  .argument("[pictures...]", "with a model: picture files or folders (default: the test pictures of a run)")
  .option("--top <number>", "how many pictures to show", "5")
  .option("--json", "print JSON")
  .optionsGroup("With an index:")
  .option("--image <file>", "look for pictures like this one, or like the sum of it and the words")
  .option("--image-weight <number>", "weight of --image beside the words (default: 1)")
  .option("--minus <words>", "what the pictures must not show")
  .option("--minus-weight <number>", "weight of --minus (default: 0.5)")
  .option("--min-probability <number>", "leave out pictures that match less probably (default: 0.5)")
  .option("--under <folder>", "only pictures in this folder below the indexed one")
  .option("--from <day>", "only pictures from this day on: 2024, 2024-05 or 2024-05-31")
  .option("--to <day>", "only pictures up to this day")
  .option("--model <model>", "the model, if it is not where it was when the index was made")
  .option("--out <file>", "write the results with their pictures as one HTML file")
  .action(async (where, query, pictures, options) =>
    (await import("./search.ts")).search(where, query, pictures, options),
  );

program
  .command("blend")
  .description("the weights between those of two models of the same sizes, as a model before and after its fine-tuning")
  .argument("<a>", "a run, a saved model, or released weights")
  .argument("<b>", "another one")
  .argument("<out>", "new folder for the blended model")
  .option("--ratio <number>", "share of the second model, from 0 to 1", "0.5")
  .option("--json", "print JSON")
  .action(async (a, b, out, options) => (await import("./blend.ts")).blend(a, b, out, options));

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
  .command("convert")
  .description(
    "write a model for another library, with its tokenizer and settings of images, and say what it cannot say",
  )
  .argument("<model>", MODEL)
  .argument("<folder>", "a new folder")
  .addOption(new Option("--to <layout>", "library").choices(["hf", "big-vision", "open-clip"]).makeOptionMandatory())
  .option("--json", "print JSON")
  .action(async (model, folder, options) => (await import("./convert.ts")).convert(model, folder, options));

program
  .command("info")
  .description("show what a model is; without one, the cores, the kernels chosen and their speed")
  .argument("[model]", MODEL)
  .addHelpText(
    "after",
    "\nNotes and warnings name what costs accuracy without an error: length, case and punctuation of texts, the form of\n" +
      "GELU, a temperature above open_clip's clamp.",
  )
  .addOption(kernels("kernels to use; strict: bit-identical on every engine").default("fast"))
  .option("--json", "print JSON")
  .action(async (model, options) =>
    model === undefined
      ? (await import("./info.ts")).info(options)
      : (await import("./infoModel.ts")).infoModel(model, options.json),
  );

/** For `train emoji`: how a preset is named there. */
function presetHint(code: string): string {
  const preset =
    code === "commander.excessArguments" ? process.argv.find((arg) => presetNames.includes(arg)) : undefined;
  return preset === undefined ? "" : `name the preset with --preset ${preset}\n`;
}

for (const command of program.commands) {
  command.showHelpAfterError(`(${commandLine([command.name(), "--help"])} lists the options)`);
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed the problem on stderr.
    if (process.argv[2] === "train") process.stderr.write(optionHint(error.message) + presetHint(error.code));
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
  } else {
    const { message, stack } = error as Error;
    const text = `siglip: ${isExpected(error) ? message : stack}${addressSpaceHint(error)}${keysHint(error)}`;
    process.stderr.write(printableLines(`${text}\n`));
    process.exitCode = exitCodeOf(error);
  }
}
