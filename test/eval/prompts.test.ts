import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalize, prompts, promptTemplates } from "../../src/eval/index.ts";

const json = JSON.parse(readFileSync(new URL("../fixtures/big_vision/prompts.json", import.meta.url), "utf8"));

describe("canonicalize", () => {
  it("equals big_vision on 40 strings, keeping nothing, braces or commas", () => {
    for (const vector of json.vectors) {
      expect(canonicalize(vector.text), vector.text).toBe(vector.canonical);
      expect(canonicalize(vector.text, "{}"), vector.text).toBe(vector.keep_braces);
      expect(canonicalize(vector.text, ","), vector.text).toBe(vector.keep_commas);
    }
  });

  it("leaves canonical text unchanged", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const once = canonicalize(text);
        expect(canonicalize(once)).toBe(once);
      }),
    );
  });
});

describe("prompts", () => {
  it("gives big_vision's prompts in its order: class, alias, template", () => {
    const { class_names, templates, prompts: expected } = json.expansion.aliases;
    expect(prompts(class_names, templates)).toEqual(expected);
  });

  it("gives big_vision's prompts from the first name of each class alone", () => {
    const { class_names, templates, prompts: expected } = json.expansion.first_class_name_only;
    expect(prompts(class_names, templates, { firstNameOnly: true })).toEqual(expected);
  });

  it("fills every place of a template", () => {
    expect(prompts(["a"], ["{} and {}"])).toEqual([{ text: "a and a", label: 0 }]);
  });

  it("names a template without a place for the name", () => {
    expect(() => prompts(["a"], ["{}", "a photo"])).toThrow(/"a photo" has no \{\}/);
  });
});

describe("promptTemplates", () => {
  const sha256 = (lines: readonly string[]) => createHash("sha256").update(lines.join("\n")).digest("hex");

  it.each(Object.entries(promptTemplates))("%s is big_vision's list, raw and canonical", (name, templates) => {
    const expected = json.templates[name];
    const canonical = templates.map((template) => canonicalize(template, "{}"));
    expect(templates).toHaveLength(expected.count);
    expect(sha256(templates)).toBe(expected.sha256_of_lines);
    expect(sha256(canonical)).toBe(expected.sha256_of_canonical_lines);
    expect(new Set(canonical).size).toBe(expected.distinct_canonical);
  });

  it("has every list of big_vision", () => {
    expect(Object.keys(promptTemplates)).toEqual(Object.keys(json.templates));
  });
});
