import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import type { Tensor } from '../../checkpoint/tensor.ts';
import { counted, listed } from '../../diagnose/wording.ts';
import { RefusedError } from '../../io/errors.ts';
import { entriesOf, type Value } from '../../pickle/values.ts';

/** A checkpoint that is one dict of tensors. */
export interface FlatTensors {
  /** In the order of the dict. Each has its name there; a tensor that stands under two names is there twice. */
  readonly tensors: readonly Tensor[];
  /** What stands beside them and is no tensor. */
  readonly others: readonly { readonly name: string; readonly value: Value }[];
}

/**
 * The tensors of a checkpoint whose root is a dict of them.
 * @param what That needs such a dict, as the start of a sentence.
 * @throws RefusedError where tensors stand deeper, or have no names that are text; the message says what to do.
 */
export function flatTensors(checkpoint: Checkpoint, what: string): FlatTensors {
  const { root, tensors } = checkpoint;
  const entries = entriesOf(root);
  if (tensors.length === 0) throw new RefusedError(`${what} of a file without a tensor would hold nothing`);
  const items = new Set(entries?.values);
  const deeper = tensors
    .filter(({ path, node }) => path.length !== 1 || !items.has(node))
    .map(({ name }) => name || 'the root');
  if (!entries || deeper.length > 0) {
    const one = deeper.length === 1;
    const where = entries
      ? `${one ? 'stands' : 'stand'} deeper than that`
      : `${one ? 'stands' : 'stand'} in no dict`;
    throw new RefusedError(
      `${what} is one dict of tensors by name, and ${counted(deeper.length, 'tensor')} (${listed(deeper)}) ${where}; --weights takes the state_dict of the model, --extract <path> any other part`,
    );
  }
  const byNode = new Map<Value, Tensor>(tensors.map((tensor) => [tensor.node, tensor]));
  // as in Python, a key that is set twice stands where it was set first and holds what was set last
  const values = new Map<Value, Value>();
  for (const [index, key] of entries.keys.entries()) values.set(key, entries.values[index] as Value);
  const found: Tensor[] = [];
  const others: { name: string; value: Value }[] = [];
  const unnamed: string[] = [];
  for (const [key, value] of values) {
    const tensor = byNode.get(value);
    if (tensor && typeof key === 'string')
      found.push(tensor.name === key ? tensor : { ...tensor, name: key, path: [key] });
    else if (tensor) unnamed.push(tensor.name);
    else others.push({ name: typeof key === 'string' ? key : String(nameOf(key)), value });
  }
  if (unnamed.length > 0) {
    throw new RefusedError(
      `${what} names its tensors by text, and ${counted(unnamed.length, 'key')} (${listed(unnamed)}) are none`,
    );
  }
  return { tensors: found, others };
}

function nameOf(key: Value): unknown {
  return typeof key === 'object' && key !== null ? key.kind : key;
}
