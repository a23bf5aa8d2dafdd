/** This device's rows of every batch, from the thread that prepares batches or drawn by the devices. */
import { BatchReader, type BatchSlots, openPairs, type PairsSpec, RowDrawer, rowsBetween, type SharedRows } from "../data/index.ts"; // biome-ignore format: one line
import type { ThreadCommunicator } from "../parallel/index.ts";
import type { PairBatch } from "../siglip/index.ts";
import type { Config } from "./config.ts";

/** The source of batch rows: a thread that runs ahead of the devices, or the devices while they wait for each other. */
export type BatchSource = { readonly ahead: BatchSlots } | { readonly shared: SharedRows };

/** A function that returns this device's rows of a step, counted from 0; `idle` is called while it waits for them. */
export async function deviceRows(
  comm: ThreadCommunicator,
  batches: BatchSource,
  pairs: PairsSpec,
  { batch, seed, steps }: Config["train"],
  alive: () => void,
): Promise<(index: number, idle: () => void) => PairBatch> {
  const [first, end] = [comm.rank, comm.rank + 1].map((rank) => (rank * batch) / comm.size);
  if ("ahead" in batches) {
    const reader = new BatchReader(batches.ahead, comm.rank);
    return (index, idle) => rowsBetween(reader.take(index, idle), first, end);
  }
  const drawer = new RowDrawer(batches.shared, await openPairs(pairs, alive), { seed, first, end, steps });
  comm.whileWaiting = () => drawer.help();
  return (index) => drawer.take(index);
}
