/**
 * HTML and SVG that are safe by construction: an `html` template escapes every value that is not markup itself. A caption
 * `<img onerror=...>` is shown, not run.
 */

/** Text that is valid HTML or SVG, inserted without escaping. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Content = string | number | Markup | undefined | false | readonly Content[];

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Escapes text for element content and quoted attributes of HTML and XML. */
function escapeText(text: string): string {
  return (
    text
      // XML allows neither control characters nor lone surrogates.
      .replace(/[\p{Cc}\p{Cs}]/gu, (c) => (c === "\n" || c === "\t" ? c : "\ufffd"))
      .replace(/[&<>"']/g, (c) => ENTITIES[c])
  );
}

function render(content: Content): string {
  if (content === undefined || content === false) return "";
  if (content instanceof Markup) return content.text;
  if (typeof content === "number") return String(Math.round(content * 100) / 100); // coordinates: 1/100 of a pixel
  if (typeof content === "string") return escapeText(content);
  return content.map(render).join("");
}

/** Markup from a template; strings in it are escaped, numbers rounded to coordinates, lists joined. */
export function html(strings: TemplateStringsArray, ...values: Content[]): Markup {
  return new Markup(strings.reduce((text, part, i) => text + render(values[i - 1]) + part));
}

/** The attribute that names the language of a text, so that a browser chooses its glyphs; nothing if the language is not known. */
export const inLanguage = (language: string | undefined): Markup | undefined =>
  language === undefined ? undefined : html` lang="${language}"`;
