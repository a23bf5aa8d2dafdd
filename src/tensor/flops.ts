/**
 * Counts the floating-point operations of matrix products, where they are launched.
 *
 * A product [m, k]·[k, n] is 2·m·n·k operations, whatever kernel computes it. Attention is two products a head, and four in its
 * gradient; a tile of pairs of the loss is one, and two more for its gradients. Element-wise operations are left out: norms,
 * softmax, GELU, the terms of the loss, updates of parameters.
 */
let count = 0;

/**
 * The floating-point operations of all matrix products that this thread has launched. The cost of some work is the difference of
 * two readings; exact up to 2⁵³.
 */
export const flops = (): number => count;

/** Counts `products` products [m, k]·[k, n]. */
export function countProducts(products: number, m: number, n: number, k: number): void {
  count += 2 * products * m * n * k;
}
