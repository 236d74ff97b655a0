import type { HeapInfo } from 'node:v8';
import { checkDeadline } from '../io/deadline.ts';
import { UnreadableError } from '../io/errors.ts';
import type { PickleMachine } from './machine.ts';

/**
 * Opcodes that any pickle may have, however few bytes it takes in the file: what a second can run. Beyond them one is allowed for each
 * byte that is really in the file, so that only deflated data is stopped by it: 64 kB of a zip can hold 64 MB of NONE and POP.
 */
export const FREE_OPCODES = 16_000_000;

/**
 * Part of the heap that values may fill. Each opcode can make a container, so that a file of 200 MB could ask for ten times that; what
 * is left is for the listing and the rules.
 */
export const HEAP_SHARE = 0.75;

/** What decoding one pickle may cost. */
export class DecodeBudget {
  readonly #opcodes: number;
  #lookAt = LOOK;

  /** @param storedSize Bytes that the pickle takes in the file. */
  constructor(storedSize: number) {
    this.#opcodes = FREE_OPCODES + storedSize;
  }

  /** @throws UnreadableError `limit` where the pickle has had its share of steps, memory or time. */
  check(machine: PickleMachine): void {
    const { position } = machine;
    // a pickle has no more opcodes than bytes
    if (position > this.#opcodes && machine.steps > this.#opcodes) {
      throw exhausted(
        `the pickle has more than ${this.#opcodes} opcodes, which is what its ${this.#opcodes - FREE_OPCODES} bytes in the file allow`,
        position,
      );
    }
    if (position < this.#lookAt) return;
    this.#lookAt = position + LOOK;
    checkDeadline();
    const { used_heap_size, heap_size_limit } = heapStatistics();
    if (used_heap_size > heap_size_limit * HEAP_SHARE) {
      throw exhausted(
        `its values take more memory than this process may have (${Math.round(used_heap_size / 2 ** 20)} MiB by byte ${position}); NODE_OPTIONS=--max-old-space-size gives it more`,
        position,
      );
    }
  }
}

/** Bytes of the pickle between two looks at clock and memory; most pickles have fewer. */
const LOOK = 2 ** 20;

/** The module is loaded for a pickle that is long enough to be looked at. */
function heapStatistics(): HeapInfo {
  return process.getBuiltinModule('node:v8').getHeapStatistics();
}

function exhausted(what: string, offset: number): UnreadableError {
  return new UnreadableError('limit', `could not decide: ${what}`, offset, 'limit/exhausted');
}
