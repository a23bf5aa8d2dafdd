/** Answers what scenes ask of the engine, in a worker: the page itself loads no kernels. */
import type { BrowserDevice } from "../src/parallel/browserDevice.ts";
import { recordBackward } from "./autodiff/record.ts";
import { logRing } from "./ring/log.ts";

const ANSWERS = {
  ring: logRing,
  autodiff: recordBackward,
};

type Answers = typeof ANSWERS;
/** A question, by its name. */
export type Name = keyof Answers;
/** What a question needs to know. */
export type Asked<K extends Name> = Parameters<Answers[K]>;
/** What comes back. */
export type Answer<K extends Name> = ReturnType<Answers[K]>;

/** From the page. */
export interface Question<K extends Name = Name> {
  readonly id: number;
  readonly name: K;
  readonly asked: Asked<K>;
}

/** To the page: the answer, or the message of an error. */
export interface Reply {
  readonly id: number;
  readonly answer?: unknown;
  readonly error?: string;
}

/** Answers every question as it comes. */
export async function answerQuestions(device: BrowserDevice<unknown, Question, Reply>): Promise<void> {
  device.onRequest = ({ id, name, asked }) => {
    try {
      const answer = (ANSWERS[name] as (...asked: readonly unknown[]) => unknown)(...asked);
      device.report({ id, answer });
    } catch (error) {
      device.report({ id, error: error instanceof Error ? error.message : String(error) });
    }
  };
}
