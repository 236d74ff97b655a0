import { assemble, type FunctionCode, MEMORY_IMPORT } from './code.ts';

/** Unit in which WebAssembly counts memory. */
const PAGE = 64 * 1024;

/** What of WebAssembly is used; TypeScript has its types only for browsers. */
interface Engine {
  readonly Module: new (code: Uint8Array) => object;
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Instance: new (
    module: object,
    imports: object,
  ) => { readonly exports: Readonly<Record<string, unknown>> };
}

/** Takes whole numbers, and gives one; those that it does not use are 0. */
export type MachineFunction = (...numbers: number[]) => number;

/** Functions that work on a memory. */
export interface Machine {
  readonly memory: ArrayBuffer;
  readonly functions: Readonly<Record<string, MachineFunction>>;
}

/** Bytes behind those that were asked for, where functions leave what they need from one call to the next. */
export const WORK_BYTES = 3 * PAGE;

const memories = new WeakMap<ArrayBufferLike, object>();

/**
 * Memory that compiled functions can work on where it stands, all 0; it is taken from the system as it is written to.
 * The last `WORK_BYTES` of its buffer, behind what this gives, are theirs.
 */
export function allocate(bytes: number): Buffer {
  const engine = engineHere();
  const pages = Math.ceil((bytes + WORK_BYTES) / PAGE);
  if (!engine) return Buffer.alloc(pages * PAGE).subarray(0, bytes);
  const memory = new engine.Memory({ initial: pages });
  memories.set(memory.buffer, memory);
  return Buffer.from(memory.buffer, 0, bytes);
}

/**
 * Compiles functions of so many whole numbers.
 * @returns what has them work on memory that `allocate` gave, and gives undefined for any other; undefined where this engine has no
 * vector instructions.
 */
export function compile(
  functions: readonly FunctionCode[],
  parameters: number,
): ((memory: ArrayBufferLike) => Machine | undefined) | undefined {
  const engine = engineHere();
  if (!engine) return undefined;
  const { Module, Instance } = engine;
  let module: object;
  try {
    module = new Module(assemble(functions, parameters));
  } catch {
    return undefined;
  }
  const machines = new WeakMap<ArrayBufferLike, Machine>();
  return (buffer) => {
    const memory = memories.get(buffer);
    if (!memory) return undefined;
    let machine = machines.get(buffer);
    if (!machine) {
      const imports = { [MEMORY_IMPORT.module]: { [MEMORY_IMPORT.name]: memory } };
      const { exports } = new Instance(module, imports);
      machine = { memory: buffer as ArrayBuffer, functions: exports as Machine['functions'] };
      machines.set(buffer, machine);
    }
    return machine;
  };
}

function engineHere(): Engine | undefined {
  return (globalThis as unknown as { WebAssembly?: Engine }).WebAssembly;
}
