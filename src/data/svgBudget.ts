/**
 * Estimates the work of drawing an SVG document before it is rendered, because the renderer cannot be interrupted.
 *
 *   work(element) = 1 (100 for a filter step) + Σ work(child) + Σ work(element referenced by #id)
 *
 * A reference draws its target again, so a few nested references can draw millions of elements. Only elements are counted, not
 * their size: the cost of a path is not known beforehand.
 */

const MAX_BYTES = 1024 * 1024;
/** Most elements, with repetitions: about two seconds. */
const MAX_WORK = 20_000;
const FILTER_STEP = 100;
/** The parser reads no deeper. */
const MAX_DEPTH = 256;

interface Element {
  readonly name: string;
  readonly work: number;
  /** Ids that it references. */
  readonly refersTo: readonly string[];
  readonly children: Element[];
}

/** The reason why a document is too expensive; undefined if it is not. */
export function tooMuchSvg(bytes: Uint8Array): string | undefined {
  if (bytes.length > MAX_BYTES) return `${bytes.length} bytes of SVG, more than ${MAX_BYTES}`;
  const text = withoutComments(new TextDecoder().decode(bytes));
  if (/<!ENTITY[^>]{0,500}["'][^"']{0,500}[<&]/i.test(text)) return "entities that stand for elements";
  const root: Element = { name: "", work: 0, refersTo: [], children: [] };
  const open = [root];
  const byId = new Map<string, Element>();
  // Attributes contain no "<", so a match ends before the next one.
  for (const [, closes, name, attributes, empty] of text.matchAll(
    /<(\/?)([A-Za-z_][\w:.-]*)((?:[^"'<>]|"[^"<]*"|'[^'<]*')*?)(\/?)>/g,
  )) {
    if (closes === "/") {
      if (open.length > 1 && open.at(-1)?.name === name) open.pop();
      continue;
    }
    const isStep = /^(?:\w+:)?fe[A-Z]/.test(name);
    const refersTo = [...attributes.matchAll(/(?:href\s*=\s*["']\s*|url\(\s*["']?)#([^"')\s]+)/g)].map(([, id]) => id);
    const element: Element = { name, work: isStep ? FILTER_STEP : 1, refersTo, children: [] };
    const id = /\sid\s*=\s*["']([^"']*)["']/.exec(attributes)?.[1];
    if (id !== undefined && !byId.has(id)) byId.set(id, element);
    open.at(-1)?.children.push(element);
    if (empty !== "/" && open.push(element) > MAX_DEPTH) return `elements more than ${MAX_DEPTH} deep`;
  }
  return workOf(root, byId, new Map(), 0) > MAX_WORK ? `more than ${MAX_WORK} elements to draw` : undefined;
}

/** Work with all references followed. The renderer refuses circular references. */
function workOf(
  element: Element,
  byId: ReadonlyMap<string, Element>,
  known: Map<Element, number>,
  depth: number,
): number {
  const found = known.get(element);
  if (found !== undefined) return found;
  if (depth > 4 * MAX_DEPTH) return Number.POSITIVE_INFINITY;
  known.set(element, 0);
  const parts = [...element.children, ...element.refersTo.flatMap((id) => byId.get(id) ?? [])];
  let { work } = element;
  for (const part of parts) work += workOf(part, byId, known, depth + 1);
  known.set(element, work);
  return work;
}

function withoutComments(text: string): string {
  const kept: string[] = [];
  let at = 0;
  for (;;) {
    const start = text.indexOf("<!--", at);
    const end = start < 0 ? -1 : text.indexOf("-->", start + 4);
    if (end < 0) return kept.join("") + text.slice(at);
    kept.push(text.slice(at, start));
    at = end + 3;
  }
}
