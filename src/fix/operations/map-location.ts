import { walkNodes } from '../../checkpoint/walk.ts';
import { replaceNodes } from '../../pickle/replace.ts';
import {
  argumentsOf,
  callableName,
  PyGlobal,
  type PyNode,
  PyObject,
  PyTuple,
  type Value,
} from '../../pickle/values.ts';
import { type LocationMap, parseLocationMap } from '../../torch/location.ts';
import { tensorForm } from '../../torch/rebuild.ts';
import { copyTensor, stridedCall } from '../../torch/strided-call.ts';
import type { Draft } from '../draft.ts';
import type { Operation } from '../operation.ts';

/** Which argument of a rebuild function names the device. torch's own map_location applies to these too. */
const FROM_CPU = 'torch._utils._rebuild_device_tensor_from_cpu_tensor';
const DEVICE_ARGUMENT: Readonly<Record<string, number>> = {
  [FROM_CPU]: 2,
  'torch._utils._rebuild_device_tensor_from_numpy': 2,
  'torch._utils._rebuild_xla_tensor': 2,
};
/** Of these the fifth argument says whether a gradient is wanted. */
const TAKES_GRAD = /^torch\._utils\._rebuild_tensor_v[23]$/;
const CUDA_CLASS = /^torch\.cuda\.([A-Z]\w*Tensor)$/;
const WRAPPER = 'torch._utils._rebuild_wrapper_subclass';

/**
 * Gives every storage the location that torch.load's `map_location` would give it.
 * @param spec `cpu`, or `cuda:0=cpu,cuda:1=cuda:0`.
 */
export function mapLocation(spec: string): Operation {
  const map = parseLocationMap(spec);
  const name = `map-location ${spec}`;
  return {
    name,
    apply(draft) {
      let affected = 0;
      for (const storage of draft.checkpoint.storages) {
        const location = map(draft.locationOf(storage));
        if (location === draft.locationOf(storage)) continue;
        draft.setLocation(storage, location);
        affected++;
      }
      const renamed = leaveCudaClasses(draft);
      const rebuilt = mapRebuildCalls(draft.checkpoint.root, map);
      if (rebuilt > 0) unwrapCpuTensors(draft);
      const notes: string[] = [];
      if (renamed > 0) notes.push(`${renamed} tensors of the classes of torch.cuda become those of the CPU`);
      if (affected + rebuilt + renamed === 0) notes.push('every storage is there already');
      if (rebuilt > 0) notes.push(`${rebuilt} tensors that name their device in the rebuild call`);
      return { name, affected: affected + rebuilt + renamed, noun: 'storages', notes };
    },
  };
}

/** Tensors of devices without storages (XLA), and wrapper subclasses (DTensor), name the device in their rebuild call. */
function mapRebuildCalls(root: Value, map: LocationMap): number {
  let changed = 0;
  walkNodes(root, (node) => {
    if (!(node instanceof PyObject) || !(node.args instanceof PyTuple)) return undefined;
    const name = callableName(node) ?? '';
    const { items } = node.args;
    const index = DEVICE_ARGUMENT[name];
    if (index !== undefined && typeof items[index] === 'string') {
      changed += replaceDevice(node, items, index, map(items[index] as string));
    }
    // the arguments of a wrapper stand in a tuple of _rebuild_from_type_v2, beside the function itself
    if (name.startsWith('torch._tensor._rebuild_from_type') && items[2] instanceof PyTuple) {
      const func = items[0];
      if (typeof func === 'object' && func?.kind === 'global' && func.qualifiedName === WRAPPER) {
        changed += mapDeviceObject(items[2].items[6], map);
      }
    }
    return undefined;
  });
  return changed;
}

/**
 * torch before 0.1.12 pickled tensors as objects of classes like `torch.cuda.FloatTensor`, which can't be made without CUDA whatever the
 * location of their storage.
 */
function leaveCudaClasses(draft: Draft): number {
  const { globals, tensors } = draft.checkpoint;
  if (!globals.some(({ name }) => CUDA_CLASS.test(name))) return 0;
  let count = 0;
  for (const { node, storage } of tensors) {
    const call = storage && draft.locationOf(storage) === 'cpu' ? stridedCall(node) : undefined;
    const [, name] = CUDA_CLASS.exec(call?.name ?? '') ?? [];
    if (name === undefined) continue;
    call?.rename(new PyGlobal('torch', name));
    count++;
  }
  return count;
}

/**
 * A tensor that is copied from the CPU to the CPU is the tensor itself; torch before 2.6 does not know the call.
 * What would be cast on the way stays as it is.
 */
function unwrapCpuTensors(draft: Draft): void {
  draft.setRoot(replaceNodes(draft.checkpoint.root, (node) => onCpuAlready(node)));
}

function onCpuAlready(node: PyNode): PyObject | undefined {
  if (!(node instanceof PyObject) || callableName(node) !== FROM_CPU) return undefined;
  const [copy, dtype, device, requiresGrad] = argumentsOf(node);
  const form = copy instanceof PyObject ? tensorForm(copy) : undefined;
  const cast = !(dtype instanceof PyGlobal) || dtype.qualifiedName !== `torch.${form?.dtype.name}`;
  if (!(copy instanceof PyObject) || !form || device !== 'cpu' || cast) return undefined;
  if (form.requiresGrad === (requiresGrad === true)) return copy;
  const own = copyTensor(copy);
  const call = stridedCall(own);
  if (!call || !TAKES_GRAD.test(call.name)) return undefined;
  call.items[4] = requiresGrad === true;
  return own;
}

function replaceDevice(node: PyObject, items: readonly Value[], index: number, device: string): number {
  if (items[index] === device) return 0;
  node.args = new PyTuple(items.map((item, i) => (i === index ? device : item)));
  return 1;
}

/** `torch.device('cuda', 0)` as the pickle has it; `torch.device('cpu')` takes no index. */
function mapDeviceObject(value: Value | undefined, map: LocationMap): number {
  if (!(value instanceof PyObject) || callableName(value) !== 'torch.device') return 0;
  if (!(value.args instanceof PyTuple)) return 0;
  const [type, index] = value.args.items;
  const tag = index === undefined ? String(type) : `${type}:${index}`;
  const mapped = map(tag);
  if (mapped === tag) return 0;
  const [newType, newIndex] = mapped.split(':');
  value.args = new PyTuple(
    newIndex === undefined ? [newType as string] : [newType as string, Number(newIndex)],
  );
  return 1;
}
