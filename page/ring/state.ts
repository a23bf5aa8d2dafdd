/** The log of all devices as a film: one frame for each event, with what every device then has. */
import { numberIn } from "../scene.ts";
import type { Event, Form, RingLog } from "./log.ts";

export const FORM_NAMES = ["fused", "chunked"] as const satisfies readonly Form[];

export interface RingState {
  readonly form: Form;
  readonly devices: number;
  readonly frame: number;
}

export const RANGES = {
  devices: { initial: 4, min: 2, max: 8, step: 1 },
  frame: { initial: 0, min: 0, max: 99, step: 1 },
} as const;

export const stateOf = (parameters: URLSearchParams): RingState => ({
  form: FORM_NAMES.find((name) => name === parameters.get("form")) ?? "fused",
  devices: numberIn(parameters, "devices", RANGES.devices),
  frame: numberIn(parameters, "frame", RANGES.frame),
});

export const parametersOf = (state: RingState): Record<string, number | string> => ({ ...state });

/** A gradient of texts on its way, and the devices whose blocks are in it. */
export interface Gradient {
  readonly owner: number;
  readonly parts: readonly number[];
}

/** What one device has after an event. */
export interface DeviceState {
  /** Whose texts it holds beside its own. */
  readonly texts: number;
  readonly gradient: Gradient | undefined;
  /** Bytes that it holds, and the most that it has held so far. */
  readonly held: number;
  readonly most: number;
}

/** A moment in which all devices have done the same. */
export interface Frame {
  readonly kind: Event["kind"];
  readonly by: 1 | -1 | 0;
  readonly devices: readonly DeviceState[];
  /** The number of the frame, from 1 on, in which the loss of block (image, text) was computed; 0 if not yet, [D, D]. */
  readonly visited: readonly number[];
  /** Blocks whose gradient is part of what travels, [D, D]. */
  readonly added: readonly boolean[];
}

/** The film of a log. Throws if two devices did not do the same in the same order, which the program never does. */
export function filmOf({ devices }: RingLog): Frame[] {
  const size = devices.length;
  const first = devices[0].events.findIndex(({ kind }) => kind === "gradients");
  const begin = devices[0].events.slice(0, first).findLastIndex(({ kind }) => kind === "block");
  const frames: Frame[] = [];
  let texts = devices.map((_, rank) => rank);
  let gradients: (Gradient | undefined)[] = devices.map(() => undefined);
  const visited = new Array<number>(size * size).fill(0);
  const added = new Array<boolean>(size * size).fill(false);
  const most = new Array<number>(size).fill(0);
  const add = (rank: number): void => {
    const { owner, parts } = gradients[rank] as Gradient;
    gradients[rank] = { owner, parts: [...parts, rank] };
    added[rank * size + owner] = true;
  };
  devices[0].events.forEach(({ kind }, number) => {
    const events = devices.map((device) => device.events[number]);
    if (events.some((event) => event.kind !== kind)) throw new Error(`ring: devices differ in event ${number}`);
    events.forEach((event, rank) => {
      if (event.kind === "block") {
        visited[rank * size + event.text] = number + 1;
        if (number === begin) gradients[rank] = { owner: event.text, parts: [] };
      }
      if (event.kind === "gradients" && event.added) add(rank);
      most[rank] = Math.max(most[rank], event.most);
    });
    const by = kind === "texts" || kind === "gradients" ? (events[0] as { by: 1 | -1 }).by : 0;
    if (kind === "texts") texts = events.map((event) => (event as { owner: number }).owner);
    if (kind === "gradients") gradients = gradients.map((_, rank) => gradients[(rank - by + size) % size]);
    if (kind === "sum") for (const [rank, { addedAtHome }] of devices.entries()) if (addedAtHome) add(rank);
    const now = events.map(({ held }, rank) => ({ texts: texts[rank], gradient: gradients[rank], held, most: most[rank] })); // biome-ignore format: a line
    frames.push({ kind, by, devices: now, visited: [...visited], added: [...added] });
  });
  return frames;
}

/** A frame in words. */
export function describe(frame: Frame, form: Form, loss: number, denseLoss: number): string {
  const size = frame.devices.length;
  const list = (of: (device: DeviceState, rank: number) => string): string => frame.devices.map(of).join(", ");
  if (frame.kind === "block") {
    const blocks = frame.visited.filter((at) => at > 0).length;
    return `Each device computes one block, its images with the texts it holds: ${list(({ texts }, rank) => `x${rank} · y${texts}`)}. ${blocks} of ${size * size} blocks are done.`;
  }
  if (frame.kind === "texts")
    return `Each device passes the texts it holds to the device before it. Now held: ${list(({ texts }) => `y${texts}`)}.`;
  if (frame.kind === "gradients") {
    const isHome = frame.devices.every(({ gradient }, rank) => gradient?.owner === rank);
    const what =
      frame.by === 1
        ? "Backward pass: each device recomputes its block, adds its part to the gradient of those texts, and sends it the way the texts came."
        : "The gradients of the texts travel with them, and have what each device on the way has added.";
    const parts = frame.devices[0].gradient?.parts.length ?? 0;
    return `${what} Each now has ${parts} of ${size} parts${isHome ? ", and is home" : ""}.`;
  }
  const own = form === "chunked" ? "Each device adds the part of its own block. " : "";
  return `${own}Loss and the gradients of t′ and b are added up over all devices. The loss is ${loss.toPrecision(6)}; the dense form, with all pairs on one device, gives ${denseLoss.toPrecision(6)}.`;
}
