/** Reverse mode on a graph of four operations, small enough to follow by hand: the table that docs/TOUR.md explains. */
import { add, backward, exp, logSigmoid, mul, parameter, type Variable } from "siglip-ts/autograd";
import { keep, scalar } from "siglip-ts/tensor";

const leaf = (x: number): Variable => parameter(scalar(x, "f64"));
const [tPrime, s, b] = [leaf(Math.log(2)), leaf(0.5), leaf(-1)];

// Forward: every operation records itself, its inputs and its vjps. `keep` lets us print the values afterwards.
const t = keep(exp(tPrime));
const scaled = keep(mul(t, s));
const logit = keep(add(scaled, b));
const value = logSigmoid(logit);
for (const [name, x] of Object.entries({ t, scaled, logit, value })) {
  console.log(`${name.padEnd(7)}= ${x.value.item().toFixed(3).padStart(6)}   node ${x.node?.id}: ${x.node?.op}`);
}

// Backward: from node 3 to node 0.
backward(value);
for (const [name, x] of Object.entries({ b, s, tPrime })) {
  console.log(`∂value/∂${name.padEnd(7)}= ${x.grad?.item().toFixed(3)}`);
}
