import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { namedIcons } from "../../src/data/iconNames.ts";

const body = "<path/>";
const named = (icons: readonly string[], suffixes: readonly string[] = []) =>
  namedIcons({ icons: Object.fromEntries(icons.map((icon) => [icon, { body }])) }, suffixes).map(
    ({ name, icon }) => `${icon} = ${name}`,
  );

describe("namedIcons", () => {
  it.each([
    ["words", "calendar-add", "calendar add"],
    ["a style at the end", "calendar-add-outline", "calendar add"],
    ["a style, then a size", "calendar-add-filled-24", "calendar add"],
    ["a size with its unit", "spine-outline-24px", "spine"],
    ["a counter", "leaf-03", "leaf"],
    ["a style word in the middle, which stays", "line-chart", "line chart"],
    ["a style word alone, which stays", "outline", "outline"],
    ["a number in a word, which stays", "html5", "html5"],
  ])("reads %s", (_, icon, name) => {
    expect(named([icon])).toEqual([`${icon} = ${name}`]);
  });

  it("drops only the style words that a set declares, beside those of all sets", () => {
    expect(named(["chat-broken"])).toEqual(["chat-broken = chat broken"]);
    expect(named(["chat-broken", "star-line-broken"], ["broken", "line-broken"])).toEqual([
      "chat-broken = chat",
      "star-line-broken = star",
    ]);
  });

  it("keeps the plainest icon of a name: unstyled, then outlined, then the first of the set", () => {
    expect(named(["home-filled", "home", "home-outline"])).toEqual(["home = home"]);
    expect(named(["home-16-filled", "home-20-outline", "home-24-outline"])).toEqual(["home-20-outline = home"]);
    expect(named(["home-filled", "home-solid"])).toEqual(["home-filled = home"]);
  });

  it("leaves out icons that the set has withdrawn, and names without a letter", () => {
    expect(namedIcons({ icons: { old: { body, hidden: true }, "24": { body } } }, [])).toEqual([]);
  });

  it("gives each name once, as the first words of its icon, whatever the icons are called", () => {
    const word = fc.constantFrom("home", "arrow", "outline", "filled", "24", "light", "x");
    const icons = fc.uniqueArray(fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join("-")));
    fc.assert(
      fc.property(icons, fc.subarray(["light", "home"]), (all, suffixes) => {
        const found = namedIcons({ icons: Object.fromEntries(all.map((icon) => [icon, { body }])) }, suffixes);
        expect(new Set(found.map(({ name }) => name)).size).toBe(found.length);
        for (const { name, icon } of found) {
          expect(all).toContain(icon);
          expect(`${icon}-`.startsWith(`${name.replaceAll(" ", "-")}-`)).toBe(true);
        }
      }),
    );
  });
});
