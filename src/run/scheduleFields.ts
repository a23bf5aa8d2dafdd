/**
 * The configuration keys of schedules: those of the main one, and the list of others for parameters whose path matches a pattern.
 *
 *     optim.schedules   [{"match": "text/head/.*", "kind": "linear"}, ...]
 */
import { parseDuration, SCHEDULE_KINDS, type ScheduleKind } from "../nn/index.ts";
import { choice, type Field, jsonList, number, type Values } from "./fields.ts";
import { isPattern } from "./patterns.ts";

/** `10%`, `400 steps`, `5 epochs`, `50000 examples`; a bare number counts steps. */
const duration = (initial: string, meaning: string, isAllowed = (_: number): boolean => true): Field<string> => ({
  initial,
  meaning,
  accepts: `a duration ${isAllowed(0) ? "" : "above 0 "}such as 10%, 400 steps, 5 epochs or 50000 examples`,
  parse: (text) => text,
  hasType: (value) => typeof value === "string",
  isAllowed(value) {
    const parsed = parseDuration(value);
    return parsed !== undefined && isAllowed(parsed.amount);
  },
});

const stairFields = {
  at: duration("0", "the step from which the factor counts"),
  factor: number(1, { min: 0, max: 1000 }, "the factor of the learning rate from then on"),
};

/** The keys of the main schedule. */
export const mainSchedule = {
  schedule: choice("cosine", SCHEDULE_KINDS, "how the learning rate falls after warm-up"),
  warmup: duration("10%", "linear rise of the learning rate from 0"),
  cooldown: duration("0", "linear fall of the learning rate to 0 at the end"),
  end: number(0, { min: 0, max: 1000 }, "linear, polynomial: factor of the learning rate at the end"),
  power: number(1, { above: 0, max: 1000 }, "polynomial: the exponent"),
  timescale: duration("10000", "rsqrt: after this long the learning rate has fallen by √2", (amount) => amount > 0),
  shift: duration("0", "rsqrt: counts as done at the end of the warm-up"),
  stairs: jsonList<Values<typeof stairFields>>(
    [],
    'a list such as [{"at": "50%", "factor": 0.1}], in the order of time (factor from 0 to 1000)',
    (item) => hasFields(item, stairFields, ["at", "factor"]),
    "stair: factors of the learning rate, each from a time on",
  ),
};

/** All settings of a schedule; durations are text. */
export type ScheduleSettings = Values<typeof mainSchedule>;

/** The schedule of the parameters whose whole path matches. */
export type PatternSchedule = { readonly match: string; readonly kind: ScheduleKind } & Partial<
  Omit<ScheduleSettings, "schedule">
>;

/** The keys of all schedules. */
export const scheduleFields = {
  ...mainSchedule,
  schedules: jsonList<PatternSchedule>(
    [],
    'a list such as [{"match": "text/head/.*", "kind": "linear", "warmup": "5%"}] (match: regular expression; kind: as optim.schedule; warmup, cooldown, end, power, timescale, shift, stairs: as theirs)',
    isPatternSchedule,
    "other schedules for the parameters whose whole path matches; the first match applies",
  ),
};

function isPatternSchedule(item: unknown): boolean {
  const { match, ...rest } = Object(item) as Record<string, unknown>;
  const { schedule: kind, ...options } = mainSchedule;
  return isPattern(match) && hasFields(rest, { kind, ...options }, ["kind"]);
}

/** Whether an object has the required fields, no unknown ones, and accepted values in all. */
function hasFields(item: unknown, fields: Readonly<Record<string, unknown>>, required: readonly string[]): boolean {
  const values = Object(item) as Record<string, unknown>;
  return (
    required.every((name) => Object.hasOwn(values, name)) &&
    Object.entries(values).every(([name, value]) => {
      const field = Object.hasOwn(fields, name) ? (fields[name] as Field<unknown>) : undefined;
      return field?.hasType(value) && field.isAllowed(value);
    })
  );
}
