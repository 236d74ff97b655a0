import { Parser } from 'pickleparser';

/** A tensor as a foreign reader sees it: the arguments of `_rebuild_tensor_v2`. */
export interface ForeignTensor {
  readonly key: unknown;
  readonly location: unknown;
  readonly numel: unknown;
  readonly storageClass: unknown;
  readonly offset: unknown;
  readonly size: unknown;
  readonly stride: unknown;
}

/** Names of classes stand for themselves; calls of what is not known give nothing. */
const CALLS: Readonly<Record<string, (...args: unknown[]) => unknown>> = {
  'collections.OrderedDict': () => new Map(),
  'torch._utils._rebuild_tensor_v2': (storage, offset, size, stride) => ({
    ...(storage as object),
    offset,
    size,
    stride,
  }),
};

/** A pickle as pickleparser reads it: mappings are Maps, tensors `ForeignTensor`. */
export function parseForeign(pickle: Uint8Array): unknown {
  return new Parser({
    nameResolver: {
      resolve(module, name) {
        const call = CALLS[`${module}.${name}`] ?? (() => undefined);
        return Object.assign((...args: unknown[]) => call(...args), { qualifiedName: `${module}.${name}` });
      },
    },
    persistentResolver: {
      resolve(id: unknown) {
        const [, storageClass, key, location, numel] = id as [
          unknown,
          { qualifiedName: string },
          ...unknown[],
        ];
        return { storageClass: storageClass.qualifiedName, key, location, numel };
      },
    },
    unpicklingTypeOfDictionary: 'Map',
  }).parse(pickle);
}

/** What stands at a path of Maps and arrays. */
export function atPath(root: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (at, step) => (at instanceof Map ? at.get(step) : (at as unknown[] | undefined)?.[step as number]),
    root,
  );
}
