/**
 * The icon sets that are a data set together: 50 sets by different designers, each a package of Iconify at a pinned version.
 *
 * A set is for training, for choosing settings (validation) or for testing; docs/DATA.md names their licences. Chosen by: a licence
 * that asks for no more than a notice or attribution, 200 icons or more, few brands, and few drawings in common with the
 * sets of the other uses.
 */

/** What a set is for. */
export type IconUse = "train" | "validation" | "test";

/** A set, by the name of its package without `@iconify-json/`. */
export interface IconSource {
  readonly name: string;
  readonly version: string;
  readonly use: IconUse;
}

const VERSIONS: Readonly<Record<IconUse, Readonly<Record<string, string>>>> = {
  train: {
    "akar-icons": "1.2.7",
    "ant-design": "1.2.9",
    basil: "1.2.4",
    bi: "1.2.7",
    bx: "1.2.3",
    carbon: "1.2.29",
    ci: "1.2.2",
    cil: "1.2.3",
    codicon: "1.2.74",
    ep: "1.2.4",
    eva: "1.2.3",
    f7: "1.2.2",
    "fa6-solid": "1.2.4",
    fluent: "1.2.60",
    "fluent-color": "1.2.21",
    "fluent-mdl2": "1.2.1",
    "game-icons": "1.2.4",
    gg: "1.2.2",
    "gravity-ui": "1.2.15",
    "grommet-icons": "1.2.4",
    healthicons: "1.2.13",
    heroicons: "1.2.3",
    hugeicons: "1.2.35",
    "icon-park": "1.2.4",
    iconamoon: "1.2.2",
    iconoir: "1.2.11",
    ion: "1.2.7",
    ix: "1.2.12",
    lucide: "1.2.137",
    mage: "1.2.4",
    majesticons: "1.2.5",
    "material-symbols": "1.2.98",
    mdi: "1.2.3",
    mingcute: "1.2.8",
    mynaui: "1.2.19",
    octicon: "1.2.36",
    pixelarticons: "1.2.9",
    proicons: "1.2.20",
    si: "1.2.17",
    solar: "1.2.13",
    streamline: "1.2.5",
    "streamline-ultimate-color": "1.2.2",
    tabler: "1.2.41",
    tdesign: "1.2.19",
    teenyicons: "1.2.2",
    uil: "1.2.3",
    vaadin: "1.2.1",
  },
  validation: { ri: "1.2.10" },
  test: { ph: "1.2.2", "flat-color-icons": "1.2.3" },
};

/** All sets. */
export const ICON_SOURCES: readonly IconSource[] = (["train", "validation", "test"] as const).flatMap((use) =>
  Object.entries(VERSIONS[use]).map(([name, version]) => ({ name, version, use })),
);

/** The npm package of a set. */
export const iconPackage = (name: string): string => `@iconify-json/${name}`;
