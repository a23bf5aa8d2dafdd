/**
 * The loss on several devices: each is a worker thread with its part of the batch, and the texts travel between them.
 *
 * This file is both programs: the main thread starts it again as each device.
 */
import { isMainThread } from "node:worker_threads";
import { launch, runDevice } from "siglip-ts/parallel/launch";
import { fusedSigmoidLoss } from "siglip-ts/siglip";
import { eye, slice } from "siglip-ts/tensor";

const batch = 8;

if (isMainThread) {
  for (const devices of [1, 2, 4]) {
    const losses = await launch<number, number>(new URL(import.meta.url), devices, batch).results;
    console.log(`${devices} ${devices === 1 ? "device" : "devices"}: loss ${losses[0]}`);
  }
} else {
  runDevice<number, number>(({ comm, config: batch }) => {
    const rows = batch / comm.size;
    const own = slice(eye(batch), 0, comm.rank * rows, (comm.rank + 1) * rows); // the embeddings of this device
    // t = 10, b = −10, as at the start of the paper's training; four shards on any number of devices.
    return fusedSigmoidLoss(own, own, Math.log(10), -10, comm, 4).loss;
  });
}
