import type { Storage } from '../checkpoint/storage.ts';
import { walkNodes } from '../checkpoint/walk.ts';
import { UnreadableError } from '../io/errors.ts';
import { isRange } from '../io/segment.ts';
import { StorageReference } from '../pickle/tensor-call.ts';
import { PyObject, PyPersistent, PyTuple, stateOf, type Value } from '../pickle/values.ts';
import { bytesOfElements } from '../torch/dtypes.ts';
import type { StorageTable } from './storage-table.ts';

/** Part of a storage that torch before 0.4 knew as a storage of its own: `(key, offset, size)` in elements, the sixth item of an id. */
interface View {
  readonly offset: number;
  readonly size: number;
}

/**
 * No torch of today has storages that view others: its loader cuts the one out of the other. Here a tensor on such a view moves to
 * the storage itself, by as many elements, so that what was shared stays shared. A view that stands by itself becomes a storage.
 */
export function applyStorageViews(root: Value, table: StorageTable): StorageTable {
  const views = new Map<PyPersistent, View>();
  for (const persistent of table.storageOf.keys()) {
    const view = viewOf(persistent);
    if (view) views.set(persistent, view);
  }
  if (views.size === 0) return table;

  const moved = new Set<PyPersistent>();
  const seen = new Set<Value>();
  walkNodes(root, (node) => {
    if (!(node instanceof PyObject)) return undefined;
    // (storage, offset, size, stride …) are the arguments of a rebuild function, or the state of a tensor
    for (const fields of [node.args, stateOf(node)]) {
      if (!(fields instanceof PyTuple) || seen.has(fields)) continue;
      seen.add(fields);
      const [storage, offset, size] = fields.items;
      const view = storage instanceof PyPersistent ? views.get(storage) : undefined;
      if (!view || typeof offset !== 'number' || size === undefined) continue;
      fields.items[1] = offset + view.offset;
      moved.add(storage as PyPersistent);
    }
    return undefined;
  });
  return { ...cutOut(table, views, moved), damage: [...table.damage, ...outside(table, views)] };
}

/** torch would cut such a view short, and every tensor on it with it. */
function outside(table: StorageTable, views: ReadonlyMap<PyPersistent, View>): UnreadableError[] {
  return [...views].flatMap(([persistent, { offset, size }]) => {
    const { key, numel } = table.storageOf.get(persistent) as Storage;
    if (offset >= 0 && size >= 0 && offset + size <= numel) return [];
    return [
      new UnreadableError(
        'bad-pickle',
        `bad pickle: a storage of ${size} elements from element ${offset} on views storage ${key.slice(0, 40)}, which has ${numel}; get the file again`,
      ),
    ];
  });
}

function viewOf(persistent: PyPersistent): View | undefined {
  // torch wrote such an id without a view
  if (persistent instanceof StorageReference) return undefined;
  const { id } = persistent;
  const metadata = id instanceof PyTuple ? id.items[5] : undefined;
  if (!(metadata instanceof PyTuple)) return undefined;
  const [key, offset, size] = metadata.items;
  if (typeof key !== 'string' || typeof offset !== 'number' || typeof size !== 'number') return undefined;
  return { offset, size };
}

/** Gives the views that no tensor took with it storages of their own. */
function cutOut(
  table: StorageTable,
  views: ReadonlyMap<PyPersistent, View>,
  moved: ReadonlySet<PyPersistent>,
): Pick<StorageTable, 'storages' | 'storageOf'> {
  const storages = [...table.storages];
  const storageOf = new Map(table.storageOf);
  for (const [persistent, view] of views) {
    if (moved.has(persistent)) continue;
    const whole = table.storageOf.get(persistent) as Storage;
    const part = partOf(whole, view, storages.length);
    storages.push(part);
    storageOf.set(persistent, part);
  }
  return { storages, storageOf };
}

function partOf(whole: Storage, { offset, size }: View, index: number): Storage {
  const unit = whole.dtype ? bytesOfElements(whole.dtype, 1) : 1;
  const { content } = whole;
  const from = offset * unit;
  const bytes = size * unit;
  const there = content ? Math.max(0, Math.min(bytes, content.length - from)) : 0;
  const range =
    content && isRange(content) && there === bytes
      ? { source: content.source, offset: content.offset + from, length: there }
      : undefined;
  return {
    ...whole,
    key: `${whole.key}#${index}`,
    numel: size,
    bytes,
    content: range,
    fileOffset: range ? range.offset : null,
  };
}
