/**
 * Numbers moved without arithmetic: permuted, repeated, gathered by row id.
 *
 * `strided`: adjacent axes are merged, then the last axes are walked here and those before them by the caller. The last axis
 * decides how: a run of neighbours (stride 1), one number repeated (stride 0), the
 * transpose of a matrix (the axis before it has stride 1), or single numbers.
 */
import type { Heap } from "../../heap.ts";
import { type Code, call, type Expr, func, type Local, type Variant } from "../../wasm/assembler.ts";
import { add, and, f32, f32x4, i32, lt, memoryCopy, mul, select, shl, store } from "../../wasm/instructions.ts";
import { inc, range } from "../../wasm/loops.ts";
import { instantiate } from "../../wasm/module.ts";
import { alongRow, eachRow, storeAll, UNROLL, vectors } from "../../wasm/rows.ts";
import { transposeBlock } from "../../wasm/transpose.ts";
import type { Ptr } from "../ptr.ts";
import { scratch } from "../scratch.ts";
import type { MovementKernels } from "./interface.ts";

const fill = func([i32, f32, i32], (n, value, out) => {
  const v = f32x4.local();
  return [v.set(f32x4.splat(value)), alongRow(n, UNROLL, [out], (lanes) => lanes.map((at) => at.store(out, v)))];
});

const copy = func([i32, i32, i32], (n, x, out) => memoryCopy(out, x, mul(n, 4)));

/** Copies a row. */
function copyRow(cols: Expr<"i32">, from: Local<"i32">, to: Local<"i32">): Code {
  const v = vectors(UNROLL);
  return alongRow(cols, UNROLL, [from, to], (lanes) => [
    lanes.map((l, i) => v[i].set(l.load(from))),
    storeAll(lanes, to, v),
  ]);
}

interface Axis {
  readonly size: Expr<"i32">;
  readonly stride: Expr<"i32">;
}

/** Emits `body` in nested loops over the axes, with the address that the axes lead to. */
function nest(axes: readonly Axis[], from: Expr<"i32">, body: (from: Local<"i32">) => Code): Code {
  const [left, at] = [i32.local(), i32.local()];
  const [axis, ...inner] = axes;
  return [
    at.set(from),
    axis ? [left.set(axis.size), eachRow(left, [nest(inner, at, body), inc(at, shl(axis.stride, 2))])] : body(at),
  ];
}

type WalkBody = (last: Axis, from: Local<"i32">, out: Local<"i32">) => Code;
/** A function over four axes; the last one is left to `body`, which moves `out` over what it writes. */
const overAxes = (body: WalkBody) =>
  func([i32, i32, i32, i32, i32, i32, i32, i32, i32, i32], (n0, n1, n2, n3, s0, s1, s2, s3, x, out) => {
    const outer = [
      { size: n0, stride: s0 },
      { size: n1, stride: s1 },
      { size: n2, stride: s2 },
    ];
    return nest(outer, x, (from) => body({ size: n3, stride: s3 }, from, out));
  });

const runs = overAxes(({ size }, from, out) => copyRow(size, from, out));

const repeats = overAxes(({ size }, from, out) => {
  const v = f32x4.local();
  return [v.set(f32x4.loadSplat(from)), alongRow(size, UNROLL, [out], (lanes) => lanes.map((l) => l.store(out, v)))];
});

const singles = overAxes(({ size, stride }, from, out) => {
  const [left, step] = [i32.local(), i32.local()];
  return [
    left.set(size),
    step.set(shl(stride, 2)),
    eachRow(left, [store(out, f32.load(from)), inc(from, step), inc(out, 4)]),
  ];
});

const LINE = 16; // numbers in a cache line: as many rows of the result are written side by side

/** out[i, j] = x[i + j·stride], i < rows, j < cols: the columns of out are the runs of x. */
const transpose = func([i32, i32, i32, i32, i32], (rows, cols, stride, x, out) => {
  const [i, i1, iEnd, j, to, from] = [0, 1, 2, 3, 4, 5].map(() => i32.local());
  const [inStep, outStep] = [i32.local(), i32.local()];
  const block = vectors(4);
  const source = add(x, add(mul(j, inStep), shl(i, 2)));
  const target = add(out, add(mul(i, outStep), shl(j, 2)));
  const [wholeRows, wholeCols] = [i32.local(), i32.local()];
  const one: Code = store(target, f32.load(source));
  return [
    inStep.set(shl(stride, 2)),
    outStep.set(shl(cols, 2)),
    wholeRows.set(and(rows, -4)),
    wholeCols.set(and(cols, -4)),
    range(i1, 0, wholeRows, LINE, [
      iEnd.set(select(lt(add(i1, LINE), wholeRows), add(i1, LINE), wholeRows)),
      range(j, 0, wholeCols, 4, [
        range(i, i1, iEnd, 4, [
          from.set(source),
          block.map((v) => [v.set(f32x4.load(from)), inc(from, inStep)]),
          transposeBlock(block),
          to.set(target),
          block.map((v) => [store(to, v), inc(to, outStep)]),
        ]),
      ]),
      range(j, j, cols, 1, range(i, i1, iEnd, 1, one)),
    ]),
    range(i, wholeRows, rows, 1, range(j, 0, cols, 1, one)),
  ];
});

const transposes = func([i32, i32, i32, i32, i32, i32, i32, i32, i32], (n0, n1, n2, n3, s0, s1, s3, x, out) =>
  nest(
    [
      { size: n0, stride: s0 },
      { size: n1, stride: s1 },
    ],
    x,
    (from) => [call(transpose, n2, n3, s3, from, out), inc(out, shl(mul(n2, n3), 2))],
  ),
);

/** out[i] = table[ids[i]] */
const gather = func([i32, i32, i32, i32, i32], (count, cols, table, ids, out) => {
  const from = i32.local();
  return eachRow(count, [
    from.set(add(table, shl(mul(i32.load(ids), cols), 2))),
    copyRow(cols, from, out),
    inc(ids, 4),
  ]);
});

/** out[ids[i]] += x[i], in the order of i. */
const scatterAdd = func([i32, i32, i32, i32, i32], (count, cols, x, ids, out) => {
  const to = i32.local();
  const v = vectors(UNROLL);
  return eachRow(count, [
    to.set(add(out, shl(mul(i32.load(ids), cols), 2))),
    alongRow(cols, UNROLL, [x, to], (lanes) => [
      lanes.map((l, i) => v[i].set(add(l.load(to), l.load(x)))),
      storeAll(lanes, to, v),
    ]),
    inc(ids, 4),
  ]);
});

/** The same walk with as few axes as possible: no axis of length 1, none that continues where the next one ends. */
function mergeAxes(shape: readonly number[], strides: readonly number[]): { sizes: number[]; steps: number[] } {
  const sizes: number[] = [];
  const steps: number[] = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] === 1) continue;
    if (sizes.length > 0 && strides[axis] === steps[0] * sizes[0]) {
      sizes[0] *= shape[axis];
    } else {
      sizes.unshift(shape[axis]);
      steps.unshift(strides[axis]);
    }
  }
  return { sizes, steps };
}

export function simdMovement(heap: Heap, variant: Variant): MovementKernels {
  const wasm = instantiate(heap.memory, variant, {
    fill,
    copy,
    runs,
    repeats,
    singles,
    transposes,
    gather,
    scatterAdd,
  });
  const idScratch = scratch(heap);
  const putIds = (ids: Int32Array): Ptr => {
    const at = idScratch(ids.length * 4);
    new Int32Array(heap.memory.buffer, at, ids.length).set(ids);
    return at;
  };

  /** Four axes or fewer. */
  function few(sizes: readonly number[], steps: readonly number[], x: Ptr, out: Ptr): void {
    const pad = 4 - sizes.length;
    const [n0, n1, n2, n3] = [1, 1, 1, 1].map((one, i) => sizes[i - pad] ?? one);
    const [s0, s1, s2, s3] = [0, 0, 0, 1].map((none, i) => steps[i - pad] ?? none);
    if (s3 > 1 && s2 === 1) {
      wasm.transposes(n0, n1, n2, n3, s0, s1, s3, x, out);
    } else {
      const walk = s3 === 1 ? wasm.runs : s3 === 0 ? wasm.repeats : wasm.singles;
      walk(n0, n1, n2, n3, s0, s1, s2, s3, x, out);
    }
  }
  /** The axes before the last four. */
  function many(sizes: readonly number[], steps: readonly number[], x: Ptr, out: Ptr): void {
    if (sizes.length <= 4) {
      few(sizes, steps, x, out);
    } else {
      const [size, ...innerSizes] = sizes;
      const [step, ...innerSteps] = steps;
      const block = innerSizes.reduce((a, b) => a * b) * 4;
      for (let i = 0; i < size; i++) many(innerSizes, innerSteps, x + i * step * 4, out + i * block);
    }
  }

  return {
    fill: wasm.fill,
    copy: wasm.copy,
    strided(shape, strides, x, out) {
      if (shape.includes(0)) return;
      const { sizes, steps } = mergeAxes(shape, strides);
      many(sizes, steps, x, out);
    },
    gather: (cols, table, ids, out) => wasm.gather(ids.length, cols, table, putIds(ids), out),
    scatterAdd: (cols, x, ids, out) => wasm.scatterAdd(ids.length, cols, x, putIds(ids), out),
  };
}
