/**
 * Names and keywords of emoji in many languages.
 *
 *   28 languages come with emojibase-data, and 71 more with two packages of Unicode CLDR (153 MB, installed by `npm run data:cldr`)
 *
 * Both give each emoji one name and some keywords in each language; emojibase restates CLDR. Names are in lower case by the rules of
 * their language: Turkish "Işık" is "ışık". The few emoji that a language does not name (at most 16 of 1,594) have their English name.
 *
 * Licences: MIT (emojibase-data), Unicode-3.0 (CLDR).
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "./batches.ts";
import { codeOf, type Emoji, emojiJson } from "./emojiList.ts";
import { MissingPackageError } from "./missingPackageError.ts";

/** Languages of emojibase-data. */
export const EMOJIBASE_LANGUAGES: readonly string[] =
  "bn da de en en-gb es es-mx et fi fr hi hu it ja ko lt ms nb nl pl pt ru sv th uk vi zh zh-hant".split(" ");

/** Further languages in which CLDR names at least 99 % of the emoji. */
export const CLDR_LANGUAGES: readonly string[] =
  "af ak ar as az be bg bs ca chr cs cv cy dsb el eu fa fil fo ga gd gl gu he hr hsb hy id ig is jv ka kk kk-Arab km kn kok ky lo lv mk ml mn mr my pa pcm ps rm ro sd shn si sk sl so sq sr sr-Latn sw ta te ti tk to tr ur uz yo yue yue-Hans".split(
    " ",
  );

/** All languages: those that need no further installation first. */
export const EMOJI_LANGUAGES: readonly string[] = [...EMOJIBASE_LANGUAGES, ...CLDR_LANGUAGES];

/** The packages of CLDR, with the version that they are installed and read in. */
export const CLDR = {
  version: "48.2.0",
  packages: ["cldr-annotations-full", "cldr-annotations-derived-full"],
} as const;

/** The folder of the CLDR packages in a cache folder. */
const cldrFolder = (cache: string): string => join(cache, "cldr");

/** Name and keywords of an emoji in a language. */
export type NamedEmoji = Pick<Emoji, "name" | "tags">;

/** By language, the name of each emoji of a list. */
export type EmojiNames = ReadonlyMap<string, readonly NamedEmoji[]>;

/** The emoji of a language by code. */
type Dictionary = ReadonlyMap<string, NamedEmoji>;

/**
 * The names of emoji in some languages; those of CLDR are read from the cache folder. Throws `MissingPackageError`, which says what to
 * install, and `DataError` for an unknown language.
 */
export async function emojiNames(
  emoji: readonly Emoji[],
  languages: readonly string[],
  cache?: string,
): Promise<EmojiNames> {
  const named = async (language: string): Promise<readonly NamedEmoji[]> => {
    if (language === "en") return emoji;
    if (!EMOJI_LANGUAGES.includes(language))
      throw new DataError(`emoji: no names in a language ${language}; use one of EMOJI_LANGUAGES`);
    const isInstalled = EMOJIBASE_LANGUAGES.includes(language);
    const dictionary = isInstalled ? await emojibase(language) : await cldr(language, cache);
    return emoji.map(({ code, name: english, tags: englishTags }) => {
      const { name, tags } = dictionary.get(code) ?? { name: english, tags: englishTags };
      return { name: name.toLocaleLowerCase(language), tags };
    });
  };
  return new Map(await Promise.all(languages.map(async (language) => [language, await named(language)] as const)));
}

async function emojibase(language: string): Promise<Dictionary> {
  const entries = (await emojiJson(`emojibase-data/${language}/data.json`)) as {
    readonly label: string;
    readonly hexcode: string;
    readonly tags?: readonly string[];
  }[];
  return new Map(entries.map(({ hexcode, label, tags = [] }) => [codeOf(hexcode), { name: label, tags }]));
}

/** `tts` is the name, `default` the keywords; derived annotations are those of sequences, such as families and flags. */
async function cldr(language: string, cache: string | undefined): Promise<Dictionary> {
  const found = new Map<string, NamedEmoji>();
  for (const [folder, key] of [
    ["cldr-annotations-full", "annotations"],
    ["cldr-annotations-derived-full", "annotationsDerived"],
  ] as const) {
    const file = (await cldrJson(language, cache, `${folder}/${key}/${language}/annotations.json`)) as Record<
      string,
      { readonly annotations: Readonly<Record<string, { readonly tts?: string[]; readonly default?: string[] }>> }
    >;
    for (const [characters, { tts, default: tags = [] }] of Object.entries(file[key].annotations)) {
      if (tts) found.set(codeOf(pointsOf(characters)), { name: tts[0], tags });
    }
  }
  return found;
}

/** Code points as emojibase writes them: at least four hexadecimal digits, joined with "-". */
const pointsOf = (characters: string): string =>
  Array.from(characters, (one) => one.codePointAt(0)!.toString(16).padStart(4, "0")).join("-");

/** Reads a JSON file of the CLDR packages. Throws `MissingPackageError` if they are missing, or of another version. */
async function cldrJson(language: string, cache: string | undefined, path: string): Promise<unknown> {
  const how = `run: npm run data:cldr${cache === undefined ? " with SIGLIP_CACHE set to a folder" : `, or ${installCldr(cache)}`}`;
  const missing = (why: string, cause?: unknown) =>
    new MissingPackageError(`emoji: names in the language ${language} are those of Unicode CLDR, ${why}; ${how}`, {
      cause,
    });
  if (cache === undefined) throw missing("which is kept in the cache folder, and there is none");
  const read = async (file: string): Promise<unknown> =>
    JSON.parse(await readFile(join(cldrFolder(cache), "node_modules", file), "utf8"));
  try {
    const { version } = (await read(`${path.split("/")[0]}/package.json`)) as { version: string };
    if (version !== CLDR.version) throw missing(`of which ${version} is installed and ${CLDR.version} is needed`);
    return await read(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw missing("which is not installed", error);
  }
}

/** The command that installs the CLDR packages into a cache folder. */
const installCldr = (cache: string): string =>
  ["npm", ...installArguments(cache).map((word) => (/[^\w@./:-]/.test(word) ? JSON.stringify(word) : word))].join(" ");

/** Its arguments. */
export const installArguments = (cache: string): string[] => [
  "install",
  "--ignore-scripts",
  "--no-audit",
  "--no-fund",
  "--prefix",
  cldrFolder(cache),
  ...CLDR.packages.map((name) => `${name}@${CLDR.version}`),
];
