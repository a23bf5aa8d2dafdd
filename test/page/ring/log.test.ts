/** The log of the real loss on devices, and the film that is made of it. */
import { expect, describe as group, it } from "vitest";
import { FORMS, logRing, ROWS } from "../../../page/ring/log.ts";
import { describe, filmOf, parametersOf, stateOf } from "../../../page/ring/state.ts";

const CASES = FORMS.flatMap((form) => [2, 3, 5].map((devices) => [form, devices] as const));

group.each(CASES)("the log of the %s form on %i devices", (form, devices) => {
  const log = logRing(form, devices);
  const film = filmOf(log);
  const last = film[film.length - 1];

  it("has the loss of the dense form, on every device", () => {
    for (const { loss } of log.devices) expect(loss).toBeCloseTo(log.dense.loss, 5);
  });
  it("computes every block once, one on each device at a time", () => {
    const numbers = last.visited.filter((number) => number > 0);
    expect(numbers.length).toBe(devices ** 2);
    for (const number of new Set(numbers)) expect(numbers.filter((each) => each === number).length).toBe(devices);
  });
  it("computes a block only with the texts that the device holds then", () => {
    film.forEach(({ kind, devices: now, visited }, at) => {
      if (kind !== "block") return;
      now.forEach(({ texts }, rank) => {
        expect(visited[rank * devices + texts]).toBe(at + 1);
      });
    });
  });
  it("brings every gradient home with the part of every device", () => {
    last.devices.forEach(({ gradient }, rank) => {
      expect(gradient?.owner).toBe(rank);
      expect([...(gradient?.parts ?? [])].sort()).toEqual(last.devices.map((_, each) => each));
    });
    expect(last.added.every(Boolean)).toBe(true);
  });
  it("moves a block by one device in each hop, texts forward and gradients as the form sends them", () => {
    film.forEach(({ kind, by, devices: now }, at) => {
      if (kind !== "texts") return;
      now.forEach(({ texts }, rank) => {
        expect(film[at - 1].devices[(rank - by + devices) % devices].texts).toBe(texts);
      });
    });
    const gradients = film.filter(({ kind }) => kind === "gradients");
    expect(gradients.length).toBe(form === "fused" ? devices : devices - 1); // fused: with the texts, and home
    for (const { by } of gradients) expect(by).toBe(form === "fused" ? -1 : 1);
  });
});

it("a device of the fused form needs the same memory however many there are; the dense form does not", () => {
  const [two, six] = [2, 6].map((devices) => logRing("fused", devices));
  expect(filmOf(six).at(-1)?.devices[0].most).toBe(filmOf(two).at(-1)?.devices[0].most);
  expect(six.dense.most).toBeGreaterThan(6 * two.dense.most);
  expect(two.dense.most).toBeGreaterThan(4 * (2 * ROWS) ** 2);
});

it("every frame is told in words, the last with both losses", () => {
  const log = logRing("chunked", 2);
  const texts = filmOf(log).map((frame) => describe(frame, "chunked", log.devices[0].loss, log.dense.loss));
  expect(texts[0]).toContain("x0 · y0, x1 · y1. 2 of 4 blocks");
  expect(texts.at(-1)).toContain(log.dense.loss.toPrecision(6));
});

it("a log whose devices differ is refused", () => {
  const log = logRing("fused", 2);
  const [one, other] = log.devices;
  expect(() => filmOf({ ...log, devices: [one, { ...other, events: other.events.slice(1) }] })).toThrow("event 0");
});

it("an address gives the state that wrote it", () => {
  const state = { form: "chunked", devices: 7, frame: 12 } as const;
  const address = new URLSearchParams(Object.entries(parametersOf(state)).map(([key, value]) => [key, String(value)]));
  expect(stateOf(address)).toEqual(state);
  expect(stateOf(new URLSearchParams("devices=99&form=none"))).toEqual({ form: "fused", devices: 4, frame: 0 });
});
