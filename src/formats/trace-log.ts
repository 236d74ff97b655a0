import { PickleFault, type PickleOddity, type PickleTrace } from '../pickle/trace.ts';
import type { PyGlobal, PyObject } from '../pickle/values.ts';

/** What many small pickles do, as one trace: the description of each storage of an old archive is a pickle of its own. */
export class TraceLog {
  readonly #globals = new Map<string, PyGlobal>();
  readonly #calls: PyObject[] = [];
  readonly #oddities: PickleOddity[] = [];
  #protocol = 0;
  #length = 0;

  add({ protocol, globals, calls, oddities, length }: PickleTrace): void {
    for (const global of globals) {
      const known = this.#globals.get(global.qualifiedName);
      if (known) known.uses += global.uses;
      else this.#globals.set(global.qualifiedName, global);
    }
    for (const call of calls) this.#calls.push(call);
    for (const oddity of oddities) this.#oddities.push(oddity);
    this.#protocol = Math.max(this.#protocol, protocol);
    this.#length += length;
  }

  /** What a pickle had done before it broke. */
  addFault(error: unknown): void {
    if (error instanceof PickleFault) for (const { trace } of error.traces) this.add(trace);
  }

  trace(): PickleTrace {
    return {
      protocol: this.#protocol,
      globals: [...this.#globals.values()],
      calls: this.#calls,
      oddities: this.#oddities,
      length: this.#length,
    };
  }
}
