/**
 * The preprocessing strings of big_vision, such as `decode|resize(224)|value_range(-1,1)`.
 *
 *   string = op ("|" op)*     op = name ["(" arguments ")"]     arguments and values as in Python
 *
 * Accepted are the operations that treat an image in one certain way, with big_vision's parameters, order and defaults. Random
 * ones (crops, flips) belong to training. `value_range` must come last; without it the numbers are 0 to 255.
 */
import { printable } from "../../formats/index.ts";
import {
  isSide,
  MAX_SIDE,
  type PixelValues,
  PreprocessError,
  type PreprocessSpec,
  type PreprocessStep,
} from "./spec.ts";

type Value = number | string | boolean | null | readonly Value[];
type Arguments = Readonly<Record<string, Value>>;

interface Operation {
  /** Parameters in their order, with their defaults; undefined: required. */
  readonly parameters: Readonly<Record<string, Value | undefined>>;
  readonly read: (args: Arguments, wrong: (detail: string) => never) => PreprocessStep | PixelValues | undefined;
}

type Wrong = (detail: string) => never;

function side(name: string, value: Value, wrong: Wrong): number {
  return isSide(value) ? value : wrong(`${name} must be an integer in 1..${MAX_SIDE}, not ${show(value)}`);
}

/** An integer for both sides, or (height, width). */
function sides(name: string, value: Value, wrong: Wrong): { height: number; width: number } {
  const both = Array.isArray(value) && value.length === 2 ? value : [value, value];
  return { height: side(name, both[0], wrong), width: side(name, both[1], wrong) };
}

function tensorflow({ method, antialias }: Arguments, wrong: Wrong) {
  if (method !== "bilinear" && method !== "bicubic" && method !== "area") {
    return wrong(`method must be "bilinear", "bicubic" or "area", not ${show(method)}`);
  }
  if (typeof antialias !== "boolean") return wrong(`antialias must be True or False, not ${show(antialias)}`);
  return { library: "tensorflow", method, antialias } as const;
}

/** resize_small and resize_long. */
const keepingRatio = (parameter: string, fit: "shortest" | "longest", antialias: boolean): Operation => ({
  parameters: { [parameter]: undefined, method: "area", antialias },
  read: (args, wrong) => ({
    op: "resize",
    size: { fit, side: side(parameter, args[parameter], wrong) },
    resampling: tensorflow(args, wrong),
  }),
});

function valueRange({ vmin, vmax, in_min, in_max, clip_values }: Arguments, wrong: Wrong): PixelValues {
  const [low, high, inLow, inHigh] = Object.entries({ vmin, vmax, in_min, in_max }).map(([name, value]) =>
    typeof value === "number" ? value : wrong(`${name} must be a number, not ${show(value)}`),
  );
  if (inLow === inHigh) return wrong(`in_min and in_max are both ${inLow}; they must differ`);
  if (typeof clip_values !== "boolean") return wrong(`clip_values must be True or False, not ${show(clip_values)}`);
  return { kind: "range", low, high, inLow, inHigh, clip: clip_values };
}

const OPERATIONS: Readonly<Record<string, Operation>> = {
  decode: { parameters: {}, read: () => undefined }, // the image is decoded before
  resize: {
    parameters: { size: undefined, method: "bilinear", antialias: false },
    read: (args, wrong) => ({
      op: "resize",
      size: { fit: "squash", ...sides("size", args.size, wrong) },
      resampling: tensorflow(args, wrong),
    }),
  },
  resize_small: keepingRatio("smaller_size", "shortest", false),
  resize_long: keepingRatio("longer_size", "longest", true),
  central_crop: {
    parameters: { crop_size: null },
    read: ({ crop_size }, wrong) => ({
      op: "centralCrop",
      ...(crop_size === null ? {} : { size: sides("crop_size", crop_size, wrong) }),
    }),
  },
  value_range: { parameters: { vmin: -1, vmax: 1, in_min: 0, in_max: 255, clip_values: false }, read: valueRange },
};

const MAX_LENGTH = 1000;
const BYTES: PixelValues = { kind: "normalize", scale: 1, mean: [0, 0, 0], std: [1, 1, 1] };

/** Reads a preprocessing string of big_vision. Throws `PreprocessError`. */
export function bigVisionPreprocessing(string: string): PreprocessSpec {
  if (string.length > MAX_LENGTH) {
    throw new PreprocessError(`preprocessing: a string of ${string.length} characters; the most are ${MAX_LENGTH}`);
  }
  const steps: PreprocessStep[] = [];
  let values: PixelValues | undefined;
  for (const text of string.split("|")) {
    const wrong: Wrong = (detail) => {
      throw new PreprocessError(`preprocessing: ${show(text.trim())} in ${show(string)}: ${detail}`);
    };
    if (values !== undefined) wrong("value_range must be the last operation; move it to the end");
    const found = readOperation(text.trim(), wrong);
    if (found === undefined) continue;
    if ("op" in found) steps.push(found);
    else values = found;
  }
  return { steps, values: values ?? BYTES };
}

function readOperation(text: string, wrong: Wrong): PreprocessStep | PixelValues | undefined {
  const [, name, list = ""] =
    /^(\w+)\s*(?:\(([^()]*(?:\([^()]*\)[^()]*)*)\))?$/.exec(text) ?? wrong("expected name(arguments)");
  if (!Object.hasOwn(OPERATIONS, name)) {
    return wrong(`${name} is not among the operations ${Object.keys(OPERATIONS).join(", ")}`);
  }
  const { parameters, read } = OPERATIONS[name];
  return read(bind(list, parameters, wrong), wrong);
}

/** The value of each parameter, from arguments by position, by name, and defaults. */
function bind(list: string, parameters: Operation["parameters"], wrong: Wrong): Arguments {
  const names = Object.keys(parameters);
  const given: Record<string, Value> = {};
  const texts = splitList(list);
  texts.forEach((text, i) => {
    const [, keyword, value] =
      /^(?:([A-Za-z_]\w*)\s*=\s*)?(.+)$/s.exec(text) ?? wrong("an argument is missing between commas");
    const name = keyword ?? names[i];
    if (keyword === undefined && texts.slice(0, i).some((each) => /^[A-Za-z_]\w*\s*=/.test(each))) {
      wrong(`${show(text)} has no name and follows an argument with one`);
    }
    if (name === undefined || !Object.hasOwn(parameters, name)) {
      wrong(`unknown argument ${show(text)}; the parameters are ${names.join(", ") || "none"}`);
    }
    if (Object.hasOwn(given, name)) wrong(`${name} is given twice`);
    given[name] = readValue(value, wrong);
  });
  for (const [name, fallback] of Object.entries(parameters)) {
    if (!Object.hasOwn(given, name)) given[name] = fallback ?? (fallback === null ? null : wrong(`${name} is missing`));
  }
  return given;
}

/** Parts between commas that are not inside brackets; a comma may end the list. */
function splitList(list: string): string[] {
  const parts = list.split(/,(?![^([]*[)\]])/).map((part) => part.trim());
  if (parts.at(-1) === "") parts.pop();
  return parts;
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const CONSTANTS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ["True", true],
  ["False", false],
  ["None", null],
]);

function readValue(text: string, wrong: Wrong): Value {
  const constant = CONSTANTS.get(text);
  if (constant !== undefined) return constant;
  if (NUMBER.test(text) && Number.isFinite(Number(text))) return Number(text);
  const quoted = /^(?:'([^'\\]*)'|"([^"\\]*)")$/.exec(text);
  if (quoted) return quoted[1] ?? quoted[2];
  const list = /^(?:\(([^()[\]]*)\)|\[([^()[\]]*)\])$/.exec(text);
  if (list) return splitList(list[1] ?? list[2]).map((each) => readValue(each, wrong));
  return wrong(`${show(text)} is not a number, a string, True, False, None or a list of them`);
}

/** A value or text for a message. */
function show(value: Value | undefined): string {
  const text = JSON.stringify(value) ?? "nothing";
  return printable(text.length > 100 ? `${text.slice(0, 97)}...` : text);
}
