/**
 * Control: conditions and loops. A loop tests once before it starts and then at its end: one branch per iteration.
 */
import { type Code, type Expr, emit, type Local, lift, type Operand, type Statement, statement } from "./assembler.ts";
import { add, lt } from "./instructions.ts";

const VOID = 0x40;
const LOOP = 0x03;
const IF = 0x04;
const ELSE = 0x05;
const END = 0x0b;
const BR_IF = 0x0d;

export function when(condition: Expr<"i32">, then: Code, otherwise?: Code): Statement {
  return statement((to) => {
    condition.emit(to);
    to.bytes(IF, VOID);
    emit(to, then);
    if (otherwise) {
      to.bytes(ELSE);
      emit(to, otherwise);
    }
    to.bytes(END);
  });
}

/** Runs the body, and repeats it while the condition holds afterwards. */
export function doWhile(body: Code, condition: Expr<"i32">): Statement {
  return statement((to) => {
    to.bytes(LOOP, VOID);
    emit(to, body);
    condition.emit(to);
    to.bytes(BR_IF, 0, END);
  });
}

export const loopWhile = (condition: Expr<"i32">, body: Code): Statement => when(condition, doWhile(body, condition));

/** local += by */
export const inc = (local: Local<"i32">, by: Operand<"i32">): Statement => local.set(add(local, by));

/**
 * for (i = from; i < to; i += step). Integers are signed, and `to` is evaluated in every iteration: pass a local or a
 * number. After the loop i is the first value not below `to`, so a loop over the rest starts with `from = i`.
 */
export function range(
  i: Local<"i32">,
  from: Operand<"i32">,
  to: Operand<"i32">,
  step: Operand<"i32">,
  body: Code,
): Code {
  const start = from === i ? [] : i.set(lift("i32", from));
  return [start, loopWhile(lt(i, to), [body, inc(i, step)])];
}
