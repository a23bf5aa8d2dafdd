/** A table with an entry for each name. */
export const byName = <Name extends string, T>(names: readonly Name[], entry: (name: Name) => T) =>
  Object.fromEntries(names.map((name) => [name, entry(name)])) as { readonly [name in Name]: T };
