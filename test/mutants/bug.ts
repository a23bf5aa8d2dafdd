/** What a seeded bug is. */
export interface Place {
  /** Below src/. */
  readonly file: string;
  /** Must occur exactly once. */
  readonly find: string;
  readonly replace: string;
}

export interface Bug {
  readonly name: string;
  /** What somebody got wrong. */
  readonly what: string;
  /** Each place alone is the bug; several changes in one list belong together. */
  readonly places: readonly (readonly Place[])[];
  /** Test files that should notice, quick ones first. */
  readonly tests: readonly string[];
}
