import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { readTensor } from '../../src/checkpoint/read-tensor.ts';
import type { Storage } from '../../src/checkpoint/storage.ts';
import { type FixPlan, planFix } from '../../src/fix/plan.ts';
import { type FixSteps, operationsOf } from '../../src/fix/steps.ts';
import { verifyOutput } from '../../src/fix/verify.ts';
import { assembleCheckpoint } from '../../src/formats/assemble.ts';
import { openSource } from '../../src/formats/open.ts';
import { type RawTensor, TensorGraph } from '../../src/formats/tensor-graph.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import { PyDict, PyGlobal, PyObject, PyTuple, type Value } from '../../src/pickle/values.ts';
import { type Dtype, dtypeByName } from '../../src/torch/dtypes.ts';
import { writeArchive } from '../../src/zip/writer.ts';
import { MemorySink } from '../zip/memory-sink.ts';

/** Makes checkpoints in memory whose tensors have real bytes. */
export class Forge {
  readonly graph = new TensorGraph();
  #storages = 0;

  storage(bytes: Uint8Array, dtype = 'float32', byteOrder: 'little' | 'big' = 'little'): Storage {
    return this.graph.storage({
      key: String(this.#storages++),
      dtype: dtypeByName(dtype) as Dtype,
      bytes: bytes.length,
      content: { source: new MemorySource(bytes), offset: 0, length: bytes.length },
      fileOffset: null,
      byteOrder,
    });
  }

  floats(...values: number[]): Storage {
    return this.storage(new Uint8Array(Float32Array.from(values).buffer));
  }

  view(storage: Storage, raw: RawTensor): PyObject {
    return this.graph.tensor(storage, raw);
  }

  /** A float32 tensor of one dimension in a storage of its own. */
  tensor(...values: number[]): PyObject {
    return this.view(this.floats(...values), { shape: [values.length] });
  }

  dict(entries: Record<string, Value>): PyDict {
    return new PyDict(Object.keys(entries), Object.values(entries));
  }

  /** `metadata` is what `Module.state_dict()` hangs on it. */
  stateDict(entries: Record<string, Value>, metadata?: Record<string, Value>): PyObject {
    const dict = this.graph.orderedDict(Object.keys(entries), Object.values(entries));
    if (metadata) {
      const state = this.dict({ _metadata: this.stateDict(metadata) });
      dict.effects = [...(dict.effects ?? []), { op: 'build', state }];
    }
    return dict;
  }

  global(module: string, name: string): PyGlobal {
    return new PyGlobal(module, name);
  }

  /** `module.name(*args)`. */
  call(name: string, ...args: Value[]): PyObject {
    const dot = name.lastIndexOf('.');
    return new PyObject('reduce', this.global(name.slice(0, dot), name.slice(dot + 1)), new PyTuple(args));
  }

  checkpoint(root: Value): Checkpoint {
    return assembleCheckpoint({
      path: 'forged.pth',
      source: new MemorySource(new Uint8Array()),
      container: { kind: 'torch-zip', pickleProtocol: 2, byteOrder: 'little', root: 'forged' },
      root,
      table: this.graph.table(),
    });
  }
}

export interface Healed {
  readonly plan: FixPlan;
  /** What was written, read back. */
  readonly output: Checkpoint;
  readonly bytes: Uint8Array;
}

/** Plans, writes into memory, reads back, and holds every byte against the plan, as a fix does. */
export async function heal(checkpoint: Checkpoint, steps: FixSteps): Promise<Healed> {
  const plan = await planFix(checkpoint, operationsOf(steps));
  const sink = new MemorySink(plan.layout.size);
  await writeArchive(plan.layout, sink);
  for (const check of plan.checks) check();
  const { bytes } = sink;
  const output = await openSource(new MemorySource(bytes));
  await verifyOutput(plan, output, 'full');
  return { plan, output, bytes };
}

/** Names and elements of all tensors. */
export async function contents({
  tensors,
}: Checkpoint): Promise<Record<string, readonly (number | bigint)[]>> {
  const found: Record<string, readonly (number | bigint)[]> = {};
  for (const tensor of tensors) found[tensor.name] = [...(await readTensor(tensor))];
  return found;
}

export function names({ tensors }: Pick<Checkpoint, 'tensors'>): string[] {
  return tensors.map(({ name }) => name);
}
