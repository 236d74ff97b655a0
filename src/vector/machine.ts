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

/** A memory, and the functions that work on it. */
export interface Machine {
  readonly memory: ArrayBuffer;
  readonly functions: Readonly<Record<string, MachineFunction>>;
}

/**
 * Compiles functions of so many whole numbers.
 * @returns what gives them a memory of at least so many bytes, all 0; undefined where this engine has no vector instructions.
 */
export function compile(
  functions: readonly FunctionCode[],
  parameters: number,
): ((bytes: number) => Machine) | undefined {
  const engine = (globalThis as unknown as { WebAssembly?: Engine }).WebAssembly;
  if (!engine) return undefined;
  const { Module, Memory, Instance } = engine;
  let module: object;
  try {
    module = new Module(assemble(functions, parameters));
  } catch {
    return undefined;
  }
  return (bytes) => {
    const memory = new Memory({ initial: Math.ceil(bytes / PAGE) });
    const imports = { [MEMORY_IMPORT.module]: { [MEMORY_IMPORT.name]: memory } };
    const { exports } = new Instance(module, imports);
    return { memory: memory.buffer, functions: exports as Machine['functions'] };
  };
}
