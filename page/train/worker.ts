/** A device of the page: obeys orders; on rank 0 it also makes them from what the page requests. */
import type { BrowserDevice } from "../../src/parallel/browserDevice.ts";
import type { Report, Request, TrainConfig } from "./messages.ts";
import { agree, type Order } from "./order.ts";
import { Orders } from "./orders.ts";
import { PageTraining } from "./training.ts";

type TrainDevice = BrowserDevice<TrainConfig, Request, Report>;

const HEARTBEAT_MS = 1000;
const FOUND = 8; // pictures of a search

/** Trains on one of the devices, as the page requests. */
export async function trainOnDevice(device: TrainDevice): Promise<void> {
  const { comm, config, kernels } = device;
  const atlas = { ...config.names, pictures: config.pictures };
  const training = new PageTraining(atlas, config.seed, comm);
  const orders = comm.rank === 0 ? ordersOf(device) : undefined;
  // While the user thinks, the other devices wait for rank 0, which must show that it lives.
  if (orders) setInterval(() => device.alive(), HEARTBEAT_MS);
  if (orders) device.report({ kind: "ready", devices: comm.size, kernels: kernels.why });

  for (;;) {
    const order = orders && (await nextOrder(orders, training, device));
    device.step(training.step + 1);
    obey(agree(comm, order), training, device);
  }
}

/** Orders made from the requests of the page. */
function ordersOf(device: TrainDevice): Orders {
  const orders = new Orders();
  device.onRequest = (request) => orders.request(request);
  return orders;
}

/** The next order; reports the weights when the training has paused. */
async function nextOrder(orders: Orders, training: PageTraining, { report }: TrainDevice): Promise<Order> {
  for (;;) {
    await breathe();
    const order = orders.next(training);
    if (order) return order;
    const { step, finished } = training;
    if (step > 0) report({ kind: "paused", step, finished, weights: await training.hash() });
    await orders.change();
  }
}

function obey(
  { kind, rateOfT, b, words = "" }: Order,
  training: PageTraining,
  { config, comm, report }: TrainDevice,
): void {
  if (b !== undefined) training.b = b;
  training.rateOfT = rateOfT;
  const isFirst = comm.rank === 0;
  if (kind === "step") {
    const { loss, t, b: bias } = training.advance();
    if (isFirst) report({ kind: "step", step: training.step, loss, t, b: bias });
  } else if (kind === "evaluate") {
    const seen = training.evaluate(config.square);
    if (isFirst) report({ kind: "seen", step: training.step, ...seen });
  } else {
    const found = training.search(words, FOUND);
    if (isFirst) report({ kind: "found", words, found });
  }
}

const { port1, port2 } = new MessageChannel();

/** Lets messages in that have come meanwhile. */
const breathe = (): Promise<void> =>
  new Promise((resolve) => {
    port1.onmessage = () => resolve();
    port2.postMessage(undefined);
  });
