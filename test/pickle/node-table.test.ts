import fc from 'fast-check';
import { expect, it } from 'vitest';
import { NodeTable } from '../../src/pickle/node-table.ts';
import { StorageReference, TensorCall, type TensorMould } from '../../src/pickle/tensor-call.ts';
import { PyGlobal, PyList, type PyNode } from '../../src/pickle/values.ts';

const MOULD: TensorMould = {
  rebuild: new PyGlobal('torch._utils', '_rebuild_tensor_v2'),
  storageClass: new PyGlobal('torch', 'FloatStorage'),
  hooks: new PyGlobal('collections', 'OrderedDict'),
  location: 'cpu',
  withView: false,
  requiresGrad: false,
};

/** Nodes of two streams, so that each number is had twice, and some that have none. */
const NODES: readonly PyNode[] = [0, 1].flatMap(() =>
  [0, 1, 2, 9].flatMap((ordinal) => {
    const storage = new StorageReference(MOULD, ordinal, String(ordinal), 1);
    return [storage, new TensorCall(storage, 0, [1], [1], 7, 99), new PyList()];
  }),
);

it('is a Map of nodes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(...NODES), fc.nat(5)), { maxLength: 40 }),
      fc.nat(9),
      (steps, room) => {
        const map = new Map<PyNode, number>();
        const table = new NodeTable<PyNode, number>(room);
        for (const [node, value] of steps) {
          map.set(node, value);
          table.set(node, value);
        }
        for (const node of NODES) {
          expect(table.get(node)).toBe(map.get(node));
          expect(table.has(node)).toBe(map.has(node));
        }
        expect(table.size).toBe(map.size);
        expect([...table.keys()].every((node, at) => node === [...map.keys()][at])).toBe(true);
        expect([...table.values()]).toEqual([...map.values()]);
        expect([...table].map(([node, value]) => [NODES.indexOf(node), value])).toEqual(
          [...map].map(([node, value]) => [NODES.indexOf(node), value]),
        );
        const seen: number[] = [];
        const see = (value: number): void => {
          seen.push(value);
        };
        table.forEach(see);
        expect(seen).toEqual([...map.values()]);
      },
    ),
  );
});
