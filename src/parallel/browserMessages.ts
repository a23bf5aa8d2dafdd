/** What a page and the devices that it started tell each other. */
import type { KernelMode, KernelReport } from "../tensor/index.ts";

/** What a device is told first. */
export interface Assignment {
  readonly rank: number;
  readonly size: number;
  readonly control: SharedArrayBuffer | undefined;
  readonly kernels: KernelMode;
  readonly config: unknown;
}

/** From the page to a device. */
export type ToDevice =
  | { readonly kind: "assignment"; readonly assignment: Assignment }
  | { readonly kind: "begin"; readonly memories: readonly WebAssembly.Memory[]; readonly kernels: KernelReport }
  | { readonly kind: "request"; readonly request: unknown };

/** From a device to the page. */
export type FromDevice =
  | {
      readonly kind: "ready";
      readonly memory: WebAssembly.Memory | undefined;
      readonly kernels: KernelReport | undefined;
    }
  | { readonly kind: "report"; readonly report: unknown }
  | { readonly kind: "failed"; readonly name: string; readonly message: string };
