/** Whether operations are recorded. */

let recording = true;

/** Whether operations are recorded now. */
export const isRecording = (): boolean => recording;

function withRecording<T>(on: boolean, body: () => T): T {
  const before = recording;
  recording = on;
  try {
    return body();
  } finally {
    recording = before;
  }
}

/** Runs `body` without recording: nothing in it can be differentiated, and nothing is saved for it. */
export const noGrad = <T>(body: () => T): T => withRecording(false, body);

/** Runs `body` with recording, also inside `noGrad`. */
export const withGrad = <T>(body: () => T): T => withRecording(true, body);
