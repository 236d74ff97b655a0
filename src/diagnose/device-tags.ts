import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { pathName } from '../checkpoint/path.ts';
import { pathOf, walkNodes } from '../checkpoint/walk.ts';
import { argumentsOf, callableName, PyObject } from '../pickle/values.ts';
import type { StorageCensus } from './census.ts';
import { namesWhere } from './storage-names.ts';
import { printable } from './wording.ts';

/**
 * What torch makes of a location tag. Only the literal `cpu` is the CPU to it; `cpu:0`, `CPU` and an empty tag are `odd-cpu`.
 * `meta` is its own kind: torch loads it without a word, and without data.
 */
export type TagKind = 'cpu' | 'cuda' | 'meta' | 'odd-cpu' | 'exotic';

export function tagKind(tag: string): TagKind {
  if (tag === 'cpu' || tag === 'meta') return tag;
  if (/^cuda(:(0|[1-9]\d*))?$/.test(tag)) return 'cuda';
  return /^(\s*cpu\s*(:\s*\d*)?\s*)?$/i.test(tag) ? 'odd-cpu' : 'exotic';
}

/**
 * How `torch.load` on a machine with nothing but a CPU fails for a tag that is neither of the CPU nor of CUDA: the start of the text
 * of torch 2.13.
 */
export function exoticFailure(tag: string): string {
  const name = tag.match(/^(cuda|xpu|mtia|hpu|privateuseone)(?=$|:|\d)/)?.[0];
  if (name && !/^[a-z]+(:(0|[1-9]\d*))?$/.test(tag)) return `Invalid device string: '${printable(tag)}'`;
  if (name === 'xpu' || name === 'mtia')
    return `Attempting to deserialize object on a ${name.toUpperCase()} device but torch.${name}.is_available() is False`;
  if (name) return `The ${name.toUpperCase()} device module is not registered`;
  if (tag.startsWith('mps')) return 'torch.UntypedStorage(): Storage device not recognized: mps';
  return unknownTagFailure(tag);
}

/** The same for the device of a rebuild call, which torch makes a tensor for instead of restoring a storage. */
export function deviceCallFailure(device: string): string {
  const backend = device.split(':')[0] as string;
  if (backend === 'cuda') return 'Torch not compiled with CUDA enabled';
  if (backend === 'xla' || backend === 'maia')
    return `Could not run 'aten::empty.memory_format' with arguments from the '${backend.toUpperCase()}' backend`;
  return `Expected one of cpu, cuda, … device type at start of device string: ${printable(backend)}`;
}

export function unknownTagFailure(tag: string): string {
  return `don't know how to restore data location of torch.storage.UntypedStorage (tagged with ${printable(tag)})`;
}

/** Storages of certain tags, in the words of a report. */
export interface Tagged {
  /** The tags, in the order of the storages. */
  readonly tags: readonly string[];
  /** Names of the tensors on these storages; a storage that no listed tensor views is named itself: `storage 3`. */
  readonly subjects: readonly string[];
}

/** Undefined where no storage has such a tag. */
export function findTagged(
  checkpoint: Checkpoint,
  { locations }: StorageCensus,
  matches: (tag: string) => boolean,
): Tagged | undefined {
  const tags = [...locations].filter(matches);
  if (!tags.length) return undefined;
  const subjects = namesWhere(
    checkpoint,
    tags.length === locations.size ? () => true : ({ location }) => tags.includes(location),
  );
  return { tags, subjects };
}

/** Calls that rebuild a tensor for a device without storages; the third argument names the device, and map_location replaces it. */
const DEVICE_CALLS = new Set([
  'torch._utils._rebuild_device_tensor_from_cpu_tensor',
  'torch._utils._rebuild_device_tensor_from_numpy',
  'torch._utils._rebuild_xla_tensor',
]);

/** Tensors of torch_xla and its like: a copy on the CPU, or a numpy array, with the name of the device to move it to. */
export function findDeviceCalls(checkpoint: Checkpoint): Tagged | undefined {
  if (!checkpoint.globals.some(({ name }) => DEVICE_CALLS.has(name))) return undefined;
  const tags = new Set<string>();
  const subjects: string[] = [];
  walkNodes(checkpoint.root, (node, place) => {
    if (!(node instanceof PyObject) || !DEVICE_CALLS.has(callableName(node) ?? '')) return true;
    const device = argumentsOf(node)[2];
    if (typeof device === 'string' && device !== 'cpu') {
      tags.add(device);
      subjects.push(pathName(pathOf(place)));
    }
    return false;
  });
  return subjects.length ? { tags: [...tags], subjects } : undefined;
}
