/** A block of the heap that a kernel keeps for intermediate results; it is replaced only by a larger one. */
import type { Heap } from "../heap.ts";
import type { Ptr } from "./ptr.ts";

export function scratch(heap: Heap): (bytes: number) => Ptr {
  let held = 0;
  let address = 0;
  return (bytes) => {
    if (bytes > held) {
      if (held) heap.release(address, held);
      held = bytes;
      address = heap.allocate(bytes);
    }
    return address;
  };
}
