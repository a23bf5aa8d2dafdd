/**
 * `siglip loss`: one loss with its gradients at any size, in any form, on any number of devices.
 *
 * Inputs are a function of the seed (src/run/loss/job.ts), with t′ = log 10 and b = −10 unless options say otherwise. So all
 * forms can be compared with each other, and with your implementation.
 */
import { printable } from "../formats/index.ts";
import {
  checkGradientsFile,
  computeLoss,
  type FormName,
  type LossInputs,
  type LossJob,
  readLossInputs,
  writeGradients,
} from "../run/index.ts";
import { lossForms } from "../siglip/index.ts";
import { chooseKernels, type KernelMode, portable } from "../tensor/index.ts";
import { deadlineOf, devicesThatShare } from "./devices.ts";
import { drawBlocks } from "./drawBlocks.ts";
import { startWaiting } from "./elapsed.ts";
import { lossText } from "./lossText.ts";
import { print, warn } from "./print.ts";
import { usageError } from "./usageError.ts";

export interface LossOptions {
  readonly batch?: string;
  readonly dim?: string;
  readonly t?: string;
  readonly b?: string;
  readonly devices?: string;
  readonly deadline?: string;
  readonly form: FormName;
  readonly kernels: KernelMode;
  readonly seed: string;
  readonly inputs?: string;
  readonly gradients?: string;
  readonly check?: string;
  readonly draw?: boolean;
  readonly json?: boolean;
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw usageError(`--${name}`, `--${name} ${text} is not an integer from ${least} to ${most}`);
}

/** The paper's initial values. */
const T = 10;
const B = -10;

function jobOf(options: LossOptions, inputs: LossInputs | undefined): { job: LossJob; devices: number } {
  const batch = sizeOf("batch", options.batch, inputs?.batch, 2 ** 24, 4096);
  const dim = sizeOf("dim", options.dim, inputs?.dim, 65_536, 64);
  const { form } = options;
  const { oneDevice } = lossForms[form];
  const asked = options.devices === undefined && oneDevice ? "1" : options.devices;
  const devices = devicesThatShare(asked, batch, `a batch of ${batch}`);
  if (oneDevice && devices > 1) {
    throw usageError("--form", `--form ${form} holds all pairs on one device; add --devices 1, or use another form`);
  }
  const job: LossJob = {
    batch,
    dim,
    form,
    seed: whole("seed", options.seed, 0, Number.MAX_SAFE_INTEGER),
    tPrime: inputs?.tPrime ?? portable.log(real("t", options.t, inputs !== undefined, T)),
    b: inputs?.b ?? real("b", options.b, inputs !== undefined, B),
    dtype: inputs?.u instanceof Float64Array ? "f64" : "f32",
    ...(inputs ? { inputs } : {}),
    wantsGradients: options.gradients !== undefined,
    checkRows: options.check === undefined ? 0 : rowsToCheck(options.check, form, batch),
  };
  return { job, devices };
}

/** --batch or --dim, or the size of the inputs; an option that contradicts the inputs is rejected. */
function sizeOf(
  name: string,
  option: string | undefined,
  given: number | undefined,
  most: number,
  usual: number,
): number {
  const asked = option === undefined ? undefined : whole(name, option, 1, most);
  if (asked !== undefined && given !== undefined && asked !== given) {
    throw usageError(`--${name}`, `--${name} ${asked}, but --inputs has ${given}; leave --${name} out`);
  }
  return given ?? asked ?? usual;
}

/** --t or --b; rejected with inputs, which contain their own. */
function real(name: "t" | "b", option: string | undefined, hasInputs: boolean, usual: number): number {
  if (option === undefined) return usual;
  if (hasInputs)
    throw usageError(`--${name}`, `--${name} ${option}, but --inputs holds in.${name}; leave --${name} out`);
  const value = option.trim() === "" ? Number.NaN : Number(option);
  if (!Number.isFinite(value)) throw usageError(`--${name}`, `--${name} ${option} is not a number`);
  if (name === "t" && value <= 0) throw usageError("--t", `--t ${option} is not above 0: t = exp(t′)`);
  return value;
}

function rowsToCheck(option: string, form: FormName, batch: number): number {
  if (!lossForms[form].check) {
    throw usageError(
      "--check",
      `--check cannot recompute the loss of --form ${form}; leave --check out, or use another form`,
    );
  }
  if (batch === 1)
    throw usageError("--check", "--check needs at least 2 pairs, but there is 1 pair; leave --check out");
  return whole("check", option, 2, batch);
}

/** log 1000, beyond any trained model: t of big_vision's ends near 100, and CLIP limits it to 100. */
const LARGE_T_PRIME = Math.log(1000);

export async function loss(options: LossOptions): Promise<void> {
  const deadline = deadlineOf(options.deadline);
  const inputs = options.inputs === undefined ? undefined : readLossInputs(options.inputs);
  const { job, devices } = jobOf(options, inputs);
  const output = options.gradients === undefined ? undefined : checkGradientsFile(options.gradients, options.inputs);
  if (job.tPrime >= LARGE_T_PRIME) {
    const shown = (x: number): number => Number(x.toPrecision(5));
    const means = `${shown(job.tPrime)} means t = ${shown(portable.exp(job.tPrime))}`;
    warn(`in.t holds t′ = log t: ${means}; for t = ${shown(job.tPrime)} store ${shown(portable.log(job.tPrime))}`);
  }
  chooseKernels(options.kernels);
  const pairs = (job.batch ** 2).toLocaleString("en");
  const done = startWaiting(`computing ${pairs} pairs on ${devices} ${devices === 1 ? "device" : "devices"}`);
  const { result, shares } = await computeLoss(job, devices, deadline).finally(done);
  const { u, v } = result.zeroRows;
  if (u + v > 0) warn(`rows of zeros: ${u} in u, ${v} in v; they have no direction, and their gradient is 0`);
  if (output !== undefined) writeGradients(output, job, shares);

  const drawing = options.draw
    ? `${drawBlocks(
        job.form,
        shares.map((share) => share.blocks),
      )}\n`
    : "";
  if (options.json) {
    if (drawing) process.stderr.write(drawing);
    print(JSON.stringify(result));
  } else {
    if (drawing) print(drawing);
    print(lossText(result));
    if (output !== undefined) print(`written     out.loss, grad.u, grad.v, grad.t and grad.b to ${printable(output)}`);
  }
}
