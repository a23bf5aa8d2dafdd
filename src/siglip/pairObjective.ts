/** The objective of SigLIP: both towers encode their shards, and a form of the loss compares all pairs of the batch. */
import { NonFiniteError, OptimizerError } from "../nn/index.ts";
import { full, portable } from "../tensor/index.ts";
import { type Devices, objectiveGradients } from "./batchGradients.ts";
import { type PairBatch, pairShards } from "./batchShards.ts";
import { type EmbeddedRows, pairHealth } from "./health.ts";
import { type LossForm, trainingLosses } from "./lossForm.ts";
import type { SigLip } from "./model.ts";
import { batchGroups } from "./negatives.ts";
import type { Encoded, Objective } from "./objective.ts";

type Side = "zimg" | "ztxt";

/** The pairs of a batch under a form of the loss. Throws `TypeError` if `loss` is none. */
export function pairObjective(model: SigLip, loss: LossForm): Objective<PairBatch, Side> {
  if (typeof loss?.gradients !== "function") {
    const names = Object.keys(trainingLosses).map((name) => `trainingLosses.${name}`);
    throw new TypeError(`train: loss ${JSON.stringify(loss)} is not a form of the loss; use ${names.join(" or ")}`);
  }
  const { tPrime, b } = model;
  const { dtype } = tPrime.value;
  return {
    model,
    encoders: { image: model.image, text: model.text },
    before(optimizer) {
      if (!loss.usesBias && optimizer.updates(b)) {
        throw new OptimizerError(
          `train: the ${loss.name} loss has no bias, but the optimizer updates b; create the optimizer without it: delete "b" from parametersOf(model)`,
        );
      }
      return { t: temperatureOf(model, "before"), b: b.value.item() };
    },
    after: () => void temperatureOf(model, "after"),
    shards: (batch, { comm, shards }) => pairShards(model, batch, loss.views, comm, shards),
    gradients({ zimg, ztxt }, batch, { comm, shards }) {
      const of = loss.gradients({
        ...{ zimg, ztxt, comm, shards },
        tPrime: tPrime.value.item(),
        b: b.value.item(),
        ...(batch.groups ? { groups: batch.groups } : {}),
        ...(batch.rng ? { rng: batch.rng } : {}),
      });
      return {
        loss: of.loss,
        rows: { zimg: of.dzimg, ztxt: of.dztxt },
        setOthers() {
          if (tPrime.requiresGrad) tPrime.grad = full([], of.dtPrime, dtype);
          if (loss.usesBias && b.requiresGrad) b.grad = full([], of.db, dtype);
        },
      };
    },
    health(encoded, { groups }, { comm }) {
      const bias = loss.usesBias ? b.value.item() : 0;
      const equal = groups && loss.sameName && batchGroups(groups, comm, loss.sameName);
      return pairHealth(embeddedRows(encoded), portable.exp(tPrime.value.item()), bias, comm, equal);
    },
  };
}

const embeddedRows = ({ rows, lengths }: Encoded<Side>): EmbeddedRows => ({
  ...rows,
  lengths: { image: lengths.zimg, text: lengths.ztxt },
});

/**
 * Sets the gradient of every parameter that the loss depends on and that is not frozen, and returns the loss; both are the same on
 * every rank. Call it in a `scope`, at whose end the gradients are freed. If the loss is not finite, no gradient is set.
 * `onEmbedded` gets the embeddings before the loss. Throws `ShardError` if the batch does not divide into the shards.
 */
export const batchGradients = (
  model: SigLip,
  loss: LossForm,
  batch: PairBatch,
  devices: Devices,
  onEmbedded?: (embedded: EmbeddedRows) => void,
): number =>
  objectiveGradients(
    pairObjective(model, loss),
    batch,
    devices,
    onEmbedded && ((encoded) => onEmbedded(embeddedRows(encoded))),
  ).loss;

/**
 * exp t′. Throws `NonFiniteError` if it is 0 or ∞ in the precision of the model: at t = 0 all logits are b, and nothing is
 * learned.
 */
function temperatureOf({ tPrime }: SigLip, when: "before" | "after"): number {
  const value = tPrime.value.item();
  const t = portable.exp(value);
  const held = tPrime.value.dtype === "f32" ? Math.fround(t) : t;
  if (held > 0 && Number.isFinite(held)) return t;
  const what = `train: t′ is ${value} ${when} the update, and t = exp t′ is ${held} in ${tPrime.value.dtype}`;
  throw new NonFiniteError(`${what}; lower the learning rate, especially of t′, or go back to an earlier checkpoint`);
}
