/**
 * Learning-rate schedules of big_vision: step → factor of learning rate and weight decay.
 *
 *     factor(step) = decay(step) · min(1, step / warmup) · min(1, (total − step) / cooldown)
 *
 * Steps count from 0, so with a warm-up the first factor is 0. With progress p = (step − warmup) / (total − warmup) in [0, 1]:
 *
 *     constant     1
 *     linear       end + (1 − end)·(1 − p)
 *     polynomial   end + (1 − end)·(1 − p)^power
 *     cosine       (1 + cos πp) / 2
 *     rsqrt        1 / √(1 + (max(step − warmup, 0) + shift) / timescale); during warm-up 1 / √(1 + shift / timescale)
 *     stair        1 before the first stair, then the factor of the last stair at or before the step
 *
 * Source: big_vision `utils.create_learning_rate_schedule`.
 */
import { portable } from "../tensor/index.ts";
import { ScheduleError } from "./duration.ts";

/** From `step` on, the factor is `factor`. */
export interface Stair {
  readonly step: number;
  readonly factor: number;
}

/** Settings of `schedule`. An option that the kind does not use is refused. */
export interface ScheduleOptions {
  readonly kind: ScheduleKind;
  /** Total steps. */
  readonly total: number;
  /** Steps of linear rise from 0. */
  readonly warmup?: number;
  /** Steps of linear fall to 0 at the end. */
  readonly cooldown?: number;
  /** linear, polynomial: the factor at the end, 0 by default. */
  readonly end?: number;
  /** polynomial: the exponent, 1 by default. */
  readonly power?: number;
  /** rsqrt: the steps after which the factor has fallen by √2, 10,000 by default. */
  readonly timescale?: number;
  /** rsqrt: the steps that count as done at the end of the warm-up, 0 by default. */
  readonly shift?: number;
  /** stair: in ascending order of steps. */
  readonly stairs?: readonly Stair[];
}

/** An option that only some kinds use. */
export type ScheduleOption = "end" | "power" | "timescale" | "shift" | "stairs";

type Decay = (step: number, progress: number) => number;
type Settings = Required<Omit<ScheduleOptions, "kind" | "total" | "cooldown">>;

/** For each kind: the options that it alone uses, and its decay. */
const KINDS = {
  constant: { uses: [], decay: () => () => 1 },
  linear: {
    uses: ["end"],
    decay:
      ({ end }) =>
      (_, progress) =>
        end + (1 - end) * (1 - progress),
  },
  polynomial: {
    uses: ["end", "power"],
    decay:
      ({ end, power }) =>
      (_, progress) =>
        end + (1 - end) * toPower(1 - progress, power),
  },
  cosine: { uses: [], decay: () => (_, progress) => 0.5 * (1 + portable.cosSin(progress / 2).cos) },
  rsqrt: {
    uses: ["timescale", "shift"],
    decay: ({ warmup, timescale, shift }) => (step) => 1 / Math.sqrt(1 + (Math.max(0, step - warmup) + shift) / timescale), // biome-ignore format: one line
  },
  stair: {
    uses: ["stairs"],
    decay:
      ({ stairs }) =>
      (step) =>
        stairs.findLast((stair) => stair.step <= step)?.factor ?? 1,
  },
} as const satisfies Record<string, { uses: readonly ScheduleOption[]; decay: (settings: Settings) => Decay }>;

/** How the factor falls after warm-up. */
export type ScheduleKind = keyof typeof KINDS;
/** Every kind of schedule. */
export const SCHEDULE_KINDS = Object.keys(KINDS) as readonly ScheduleKind[];

/** The options that a kind of schedule uses beside warm-up and cool-down. */
export const scheduleOptionsOf = (kind: ScheduleKind): readonly ScheduleOption[] => KINDS[kind].uses;

/** x^power for x in [0, 1], with the same bits on every engine. */
const toPower = (x: number, power: number): number => (x === 0 || x === 1 ? x : portable.exp(power * portable.log(x)));

/** The schedule factor of every step 0..total. Throws `ScheduleError`. */
export function schedule(options: ScheduleOptions): (step: number) => number {
  checkOptions(options);
  const { kind, total, warmup = 0, cooldown = 0, end = 0, power = 1, timescale = 10_000, shift = 0, stairs = [] } = options; // biome-ignore format: one line
  const decay = KINDS[kind].decay({ warmup, end, power, timescale, shift, stairs }) as Decay;
  return (step) => {
    const progress = Math.min(1, Math.max(0, (step - warmup) / Math.max(total - warmup, 1e-12)));
    const rise = warmup > 0 ? Math.min(1, step / warmup) : 1;
    const fall = cooldown > 0 ? Math.min(1, Math.max(0, total - step) / cooldown) : 1;
    return decay(step, progress) * rise * fall;
  };
}

const SHARED = ["kind", "total", "warmup", "cooldown"];

/** Throws `ScheduleError`; JavaScript callers have no type checks. */
function checkOptions(options: ScheduleOptions): void {
  const { kind, total, warmup = 0, cooldown = 0, end = 0, power = 1, timescale = 1, shift = 0, stairs = [] } = options;
  const refuse = (when: boolean, problem: string): void => {
    if (when) throw new ScheduleError(`schedule: ${problem}`);
  };
  refuse(!Object.hasOwn(KINDS, kind), `unknown kind ${JSON.stringify(kind)}; choose ${SCHEDULE_KINDS.join(", ")}`);
  const known: readonly string[] = [...SHARED, ...KINDS[kind].uses];
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  refuse(unknown !== undefined, `${unknown} is not an option of ${kind}; its options are ${known.join(", ")}`);
  refuse(
    !(total > 0 && warmup >= 0 && cooldown >= 0 && warmup + cooldown <= total),
    `warm-up ${warmup} and cool-down ${cooldown} do not fit into ${total} steps`,
  );
  refuse(!(timescale > 0), `timescale ${timescale} is not a number of steps above 0`);
  refuse(!(shift >= 0), `shift ${shift} is not a number of steps of at least 0`);
  refuse(!(power > 0 && power < Number.POSITIVE_INFINITY), `power ${power} is not a finite number above 0`);
  const isFactor = (x: number): boolean => x >= 0 && x < Number.POSITIVE_INFINITY;
  refuse(!isFactor(end), `end ${end} is not a finite number of at least 0`);
  for (const [i, { step, factor }] of stairs.entries()) {
    refuse(!(step >= (stairs[i - 1]?.step ?? 0)), `stair ${i} at step ${step}: steps must be at least 0 and ascend`);
    refuse(!isFactor(factor), `stair ${i} with factor ${factor}: expected a finite number of at least 0`);
  }
}
