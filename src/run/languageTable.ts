/**
 * Retrieval in several languages as a run shows it: each language among all images, and means over languages with equal weights, as
 * in the table of XM3600 (SigLIP, section 4.3 and table 9). Languages that training never saw are listed, and counted, apart.
 */
import { meanRecall, type Recall } from "../eval/index.ts";
import type { LanguageMean, LanguageRow } from "../report/index.ts";

/** Whether a word has the form of a language code; those in a user's table may be any words. */
function isCode(language: string): boolean {
  try {
    return Intl.getCanonicalLocales(language).length === 1;
  } catch {
    return false;
  }
}

/** The script of a language; simplified and traditional characters are one. */
const scriptOf = (language: string): string =>
  ((isCode(language) && new Intl.Locale(language).maximize().script) || "Zyyy").replace(/^Han[st]$/, "Hani");

/** Recall by language, with names and scripts of the languages by Unicode's data; scripts in the order of their first language. */
export function languageRecalls(
  recalls: ReadonlyMap<string, { readonly recall: readonly Recall[] }>,
  trained: readonly string[],
): LanguageRow[] {
  const nameIn = (reader: string, type: "language" | "script", code: string): string =>
    isCode(reader) && (type === "script" || isCode(code))
      ? (new Intl.DisplayNames([reader], { type }).of(code) ?? code)
      : code;
  const rows = [...recalls].map(([language, { recall }]) => ({
    language,
    name: nameIn("en", "language", language),
    ownName: nameIn(language, "language", language),
    script: nameIn("en", "script", scriptOf(language)),
    trained: trained.includes(language),
    recall,
  }));
  const scripts = [...new Set(rows.map(({ script }) => script))];
  return scripts.flatMap((script) => rows.filter((row) => row.script === script));
}

/** Means over the languages of training, over the others, and over the trained languages of each script that has several. */
export function languageMeans(rows: readonly LanguageRow[]): LanguageMean[] {
  const mean = (name: string, some: readonly LanguageRow[]): LanguageMean => ({
    name,
    languages: some.length,
    recall: meanRecall(some.map(({ recall }) => recall)),
  });
  const [trained, others] = [true, false].map((seen) => rows.filter((row) => row.trained === seen));
  const scripts = [...new Set(trained.map(({ script }) => script))];
  return [
    mean("all trained", trained),
    ...(others.length > 0 ? [mean("all never trained on", others)] : []),
    ...scripts
      .map((script) =>
        mean(
          `trained, ${script}`,
          trained.filter((row) => row.script === script),
        ),
      )
      .filter(({ languages }) => languages > 1),
  ];
}
