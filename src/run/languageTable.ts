/**
 * Retrieval in several languages as a run shows it: each language among all images, and means over languages with equal weights, as
 * in the table of XM3600 (SigLIP, section 4.3 and table 9). Languages that training never saw are listed, and counted, apart.
 */
import { meanRecall, type Recall } from "../eval/index.ts";

/** Recall in one language. */
export interface LanguageRecall {
  /** "zh" */
  readonly language: string;
  /** "Chinese" */
  readonly name: string;
  /** "中文" */
  readonly ownName: string;
  /** "Simplified Han" */
  readonly script: string;
  /** Whether training saw it. */
  readonly trained: boolean;
  readonly recall: readonly Recall[];
}

/** Recall by language, with names and scripts of the languages by Unicode's data; scripts in the order of their first language. */
export function languageRecalls(
  recalls: ReadonlyMap<string, { readonly recall: readonly Recall[] }>,
  trained: readonly string[],
): LanguageRecall[] {
  const nameIn = (reader: string, type: "language" | "script", code: string): string =>
    new Intl.DisplayNames([reader], { type }).of(code) ?? code;
  const rows = [...recalls].map(([language, { recall }]) => ({
    language,
    name: nameIn("en", "language", language),
    ownName: nameIn(language, "language", language),
    script: nameIn("en", "script", new Intl.Locale(language).maximize().script ?? "Zyyy"),
    trained: trained.includes(language),
    recall,
  }));
  const scripts = [...new Set(rows.map(({ script }) => script))];
  return scripts.flatMap((script) => rows.filter((row) => row.script === script));
}

/** A mean over some languages. */
export interface LanguageMean {
  readonly name: string;
  readonly languages: number;
  readonly recall: readonly Recall[];
}

/** Means over the languages of training, over the others, and over the trained languages of each script. */
export function languageMeans(rows: readonly LanguageRecall[]): LanguageMean[] {
  const mean = (name: string, some: readonly LanguageRecall[]): LanguageMean[] =>
    some.length === 0 ? [] : [{ name, languages: some.length, recall: meanRecall(some.map(({ recall }) => recall)) }];
  const trained = rows.filter((row) => row.trained);
  const scripts = [...new Set(trained.map(({ script }) => script))];
  return [
    ...mean("all trained", trained),
    ...mean(
      "all never trained on",
      rows.filter((row) => !row.trained),
    ),
    ...scripts.flatMap((script) =>
      mean(
        script,
        trained.filter((row) => row.script === script),
      ),
    ),
  ];
}
