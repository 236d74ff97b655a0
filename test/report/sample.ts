import type { Checkpoint, Container } from '../../src/checkpoint/checkpoint.ts';
import type { Path } from '../../src/checkpoint/path.ts';
import type { Storage } from '../../src/checkpoint/storage.ts';
import type { Tensor } from '../../src/checkpoint/tensor.ts';
import { tensorNamed } from '../../src/checkpoint/tensor-handle.ts';
import type { Finding } from '../../src/diagnose/finding.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import { PyDict, PyGlobal, type Value } from '../../src/pickle/values.ts';
import { bytesOfElements, type Dtype, dtypeByName } from '../../src/torch/dtypes.ts';

export function storage(key: string, over: Partial<Storage> = {}): Storage {
  const dtype = (over.dtype ?? dtypeByName('float32')) as Dtype;
  const numel = over.numel ?? 0;
  return {
    key,
    storageClass: new PyGlobal('torch', 'FloatStorage'),
    dtype,
    location: 'cpu',
    numel,
    bytes: numel * dtype.itemSize,
    fileOffset: null,
    content: undefined,
    crc32: undefined,
    byteOrder: 'little',
    ...over,
  };
}

export interface SampleTensor extends Partial<Omit<Tensor, 'dtype' | 'path'>> {
  readonly dtype?: string;
  readonly location?: string;
}

let nextKey = 0;

export function tensor(path: string | Path, shape: readonly number[], over: SampleTensor = {}): Tensor {
  const steps = typeof path === 'string' ? [path] : path;
  const dtype = dtypeByName(over.dtype ?? 'float32') as Dtype;
  const elements = shape.reduce((product, size) => product * size, 1);
  const stride = shape.map((_, dim) => shape.slice(dim + 1).reduce((product, size) => product * size, 1));
  const { location = 'cpu', ...rest } = over;
  return {
    path: steps,
    name: steps.join('.'),
    kind: 'tensor',
    shape,
    stride,
    storageOffset: 0,
    elements,
    bytes: bytesOfElements(dtype, elements),
    storage: storage(String(nextKey++), { dtype, numel: elements, location }),
    requiresGrad: false,
    conj: false,
    neg: false,
    parts: [],
    node: new PyDict(),
    ...rest,
    dtype,
  };
}

export interface SampleCheckpoint {
  readonly path?: string;
  readonly bytes?: number;
  readonly container?: Partial<Container>;
  readonly root?: Value;
  readonly globals?: Checkpoint['globals'];
  readonly damage?: Checkpoint['damage'];
}

export function checkpoint(tensors: readonly Tensor[], over: SampleCheckpoint = {}): Checkpoint {
  const storages = new Set(tensors.map((each) => each.storage).filter((each) => each !== undefined));
  const source = new MemorySource(new Uint8Array(0));
  Object.defineProperty(source, 'size', { value: over.bytes ?? 46_827_520 });
  return {
    path: over.path ?? 'model.pth',
    source,
    container: {
      kind: 'torch-zip',
      pickleProtocol: 2,
      byteOrder: 'little',
      root: 'model',
      entries: tensors.length + 4,
      era: 'torch 2.1 or newer',
      ...over.container,
    },
    root: over.root ?? new PyDict(),
    tensors,
    storages: [...storages],
    storageOf: new Map(),
    globals: over.globals ?? [],
    records: [],
    omissions: [],
    damage: over.damage ?? [],
    tensor(name) {
      return tensorNamed(this.tensors, name);
    },
    close: async () => {},
  };
}

export function finding(rule: string, over: Partial<Finding> = {}): Finding {
  const subjects = over.subjects ?? [];
  return {
    rule,
    severity: 'warning',
    message: `The file has ${rule}.`,
    count: subjects.length,
    subjects,
    fix: [],
    docs: `docs/rules/${rule}.md`,
    ...over,
  };
}

/** The tensors of a ResNet-18 as torchvision names them. */
export function resnet18(prefix: Path, over: SampleTensor = {}): Tensor[] {
  const tensors: Tensor[] = [];
  const lead = prefix.length === 0 ? [] : prefix.slice(0, -1);
  const stem = prefix.length === 0 ? '' : String(prefix.at(-1));
  const add = (name: string, shape: number[], more: SampleTensor = {}) =>
    tensors.push(tensor([...lead, stem + name], shape, { ...over, ...more }));
  const norm = (name: string, size: number) => {
    for (const each of ['weight', 'bias', 'running_mean', 'running_var']) add(`${name}.${each}`, [size]);
    add(`${name}.num_batches_tracked`, [], { dtype: 'int64' });
  };
  add('conv1.weight', [64, 3, 7, 7]);
  norm('bn1', 64);
  let width = 64;
  for (const [layer, out] of [64, 128, 256, 512].entries()) {
    for (const block of [0, 1]) {
      const name = `layer${layer + 1}.${block}`;
      add(`${name}.conv1.weight`, [out, width, 3, 3]);
      norm(`${name}.bn1`, out);
      add(`${name}.conv2.weight`, [out, out, 3, 3]);
      norm(`${name}.bn2`, out);
      if (width !== out) {
        add(`${name}.downsample.0.weight`, [out, width, 1, 1]);
        norm(`${name}.downsample.1`, out);
      }
      width = out;
    }
  }
  add('fc.weight', [1000, 512]);
  add('fc.bias', [1000]);
  return tensors;
}

/** A GPT-2 with a tied head. */
export function gpt(blocks: number, over: SampleTensor = {}): Tensor[] {
  const tensors: Tensor[] = [];
  const add = (name: string, shape: number[]) => tensors.push(tensor(name, shape, over));
  add('transformer.wte.weight', [50257, 768]);
  add('transformer.wpe.weight', [1024, 768]);
  for (let i = 0; i < blocks; i++) {
    const at = `transformer.h.${i}`;
    for (const norm of ['ln_1', 'ln_2'])
      for (const each of ['weight', 'bias']) add(`${at}.${norm}.${each}`, [768]);
    add(`${at}.attn.c_attn.weight`, [768, 2304]);
    add(`${at}.attn.c_attn.bias`, [2304]);
    add(`${at}.attn.c_proj.weight`, [768, 768]);
    add(`${at}.attn.c_proj.bias`, [768]);
    add(`${at}.mlp.c_fc.weight`, [768, 3072]);
    add(`${at}.mlp.c_fc.bias`, [3072]);
    add(`${at}.mlp.c_proj.weight`, [3072, 768]);
    add(`${at}.mlp.c_proj.bias`, [768]);
  }
  add('transformer.ln_f.weight', [768]);
  add('transformer.ln_f.bias', [768]);
  const wte = tensors[0] as Tensor;
  tensors.push({ ...wte, path: ['lm_head.weight'], name: 'lm_head.weight' });
  return tensors;
}
