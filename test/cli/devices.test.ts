/** The number of devices and shards of a command on any number of cores, and rejected options. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { defaultShards, deviceCount, devicesThatShare } from "../../src/cli/devices.ts";
import { writeSafetensors } from "../../src/formats/index.ts";
import { ConfigError } from "../../src/run/config.ts";
import { siglip, TINY, TINY_RUN } from "../support/cli.ts";
import { pretendCores } from "../support/cores.ts";

vi.mock("node:os", { spy: true });

const onCores = (count: number): void => {
  vi.mocked(os.availableParallelism).mockReturnValue(count);
};
/** Collects writes to stderr from now on. */
function listen(): string[] {
  const said: string[] = [];
  vi.spyOn(process.stderr, "write").mockImplementation((text) => said.push(String(text)) > 0);
  return said;
}
afterEach(() => void vi.restoreAllMocks());

const anyCores = fc.integer({ min: 1, max: 256 });
const anyBatch = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 65_536 }));

describe("devices by default", () => {
  it("are the most that share the work evenly, up to the cores; a line says if cores are left over", () => {
    fc.assert(
      fc.property(anyCores, anyBatch, (cores, batch) => {
        onCores(cores);
        const said = listen();
        const devices = devicesThatShare(undefined, batch, `a batch of ${batch}`);
        const most = Math.min(cores, 64);
        expect(batch % devices).toBe(0);
        for (let more = devices + 1; more <= most; more++) expect(batch % more).not.toBe(0);
        if (devices === most) expect(said).toEqual([]);
        else
          expect(said).toEqual([
            expect.stringMatching(`^note: ${devices} .* on ${most} cores: .* a batch of ${batch} `),
          ]);
      }),
    );
  });

  it.each([
    [1, 1, 2],
    [2, 2, 2],
    [3, 2, 2],
    [6, 4, 4],
    [12, 8, 8],
    [14, 8, 8],
    [28, 16, 16],
  ])("on %i cores are %i for a batch of 128, cut into %i shards", (cores, devices, shards) => {
    onCores(cores);
    listen();
    expect(devicesThatShare(undefined, 128, "a batch of 128")).toBe(devices);
    expect(defaultShards(128, devices)).toBe(shards);
  });
});

it("shards by default divide the batch, among devices that divide it", () => {
  fc.assert(
    fc.property(anyCores, anyBatch, (cores, batch) => {
      onCores(cores);
      listen();
      const devices = devicesThatShare(undefined, batch, "a batch");
      const shards = defaultShards(batch, devices);
      expect([batch % shards, shards % devices]).toEqual([0, 0]);
    }),
  );
});

it("requested devices are accepted or rejected, whatever the cores", () => {
  fc.assert(
    fc.property(anyCores, anyBatch, fc.integer({ min: 1, max: 64 }), (cores, batch, asked) => {
      onCores(cores);
      const said = listen();
      const take = (): number => devicesThatShare(String(asked), batch, "the work");
      if (batch % asked === 0) expect(take()).toBe(asked);
      else expect(take).toThrow(ConfigError);
      expect(said).toEqual([]);
    }),
  );
});

it.each(["0", "65", "-1", "1.5", "0x2", "1e1", "2 ", "", "two", "NaN", "٣"])("--devices %j is refused", (text) => {
  expect(() => deviceCount(text)).toThrow(/is not an integer from 1 to 64/);
});

describe("a command on a machine of", { timeout: 120_000 }, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(os.tmpdir(), "siglip-cores-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("6 cores trains a batch of 33 on 3 of them, and says so in one line", async () => {
    const out = join(folder, "run");
    const args = ["train", ...TINY_RUN, "--batch", "33", "--set", "train.steps=2", "--set", "optim.warmup=0"];
    const { code, stderr } = await siglip([...args, "--out", out], undefined, pretendCores(6));
    expect(code, stderr).toBe(0);
    expect(stderr.match(/^note: .*/gm)).toEqual(["note: 3 devices on 6 cores: more cannot share a batch of 33 evenly"]);
    expect(JSON.parse(readFileSync(join(out, "config.json"), "utf8")).train).toMatchObject({ batch: 33, shards: 3 });
  });

  it("14 cores computes the loss of 7 given pairs on 7 of them", async () => {
    const rows = {
      dtype: "F32" as const,
      shape: [7, 4],
      data: Float32Array.from({ length: 28 }, (_, i) => Math.sin(i)),
    };
    const number = (value: number) => ({ dtype: "F32" as const, shape: [], data: Float32Array.of(value) });
    const file = join(folder, "in.safetensors");
    writeFileSync(
      file,
      writeSafetensors(new Map(Object.entries({ "in.b": number(-10), "in.t": number(2), "in.u": rows, "in.v": rows }))),
    );
    const { code, stdout, stderr } = await siglip(["loss", "--inputs", file], undefined, pretendCores(14));
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/loss of 7 pairs of width 4 on 7 devices/);
  });

  it("12 cores rejects a requested number of devices that does not fit", async () => {
    const out = join(folder, "refused");
    const { code, stderr } = await siglip(
      ["train", ...TINY, "--devices", "3", "--out", out],
      undefined,
      pretendCores(12),
    );
    expect(stderr).toMatch(/--devices 3 cannot share a batch of 16 evenly/);
    expect(code).toBe(2);
    expect(existsSync(out)).toBe(false);
  });
});
