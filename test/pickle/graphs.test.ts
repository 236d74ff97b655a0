import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eachChild } from '../../src/checkpoint/children.ts';
import { listTensors } from '../../src/checkpoint/listing.ts';
import { walkNodes } from '../../src/checkpoint/walk.ts';
import {
  type Effect,
  EMPTY_TUPLE,
  isNode,
  PyDict,
  PyFloat,
  PyGlobal,
  PyList,
  type PyNode,
  PyObject,
  PyPersistent,
  PyTuple,
  type Value,
} from '../../src/pickle/values.ts';
import { show } from './show.ts';
import { decodedValue, encode, stream, text } from './stream.ts';

const GLOBALS = [
  new PyGlobal('a', 'b'),
  new PyGlobal('torch._utils', '_rebuild_tensor_v2'),
  new PyGlobal('módulo', 'größe'),
];

/** Where a value comes from: an atom, or the node of a number. */
type Reference = { readonly atom: Value } | { readonly node: number };

interface NodeSpec {
  readonly kind: 'list' | 'dict' | 'tuple' | 'object' | 'persistent';
  readonly items: readonly Reference[];
  readonly construct: 'reduce' | 'newobj';
  readonly global: number;
  readonly effects: readonly (readonly ['set' | 'append' | 'build', readonly Reference[]])[];
}

const atom: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom<Value>(
    null,
    true,
    false,
    EMPTY_TUPLE,
    '',
    'module.weight',
    '\ud800x',
    'é€😀',
    0,
    255,
    256,
    65536,
    -1,
    2 ** 31,
    2n ** 70n,
  ),
  fc.double().map((value) => new PyFloat(value)),
  fc.string({ unit: 'binary', maxLength: 5 }),
  fc.maxSafeInteger(),
  fc.constantFrom(...GLOBALS),
);
const reference: fc.Arbitrary<Reference> = fc.oneof(
  { weight: 2, arbitrary: atom.map((value) => ({ atom: value })) },
  { weight: 3, arbitrary: fc.nat(30).map((node) => ({ node })) },
);
const references = fc.array(reference, { maxLength: 5 });
const spec: fc.Arbitrary<NodeSpec> = fc.record({
  kind: fc.constantFrom('list', 'dict', 'tuple', 'object', 'persistent'),
  items: references,
  construct: fc.constantFrom('reduce', 'newobj'),
  global: fc.nat(GLOBALS.length - 1),
  effects: fc.array(
    fc.tuple(fc.constantFrom('set', 'append', 'build'), fc.array(reference, { minLength: 2, maxLength: 5 })),
    { maxLength: 4 },
  ),
});

/** Builds the nodes of specs. What can't change after it is made refers to earlier nodes only; all else refers to any. */
function graphOf(specs: readonly NodeSpec[]): Value {
  const nodes: Value[] = [];
  const value = (from: Reference, limit: number): Value =>
    'atom' in from ? from.atom : limit === 0 ? null : (nodes[from.node % limit] as Value);
  for (const { kind, items, construct, global } of specs) {
    const early = items.map((item) => value(item, nodes.length));
    const tuple = early.length === 0 ? EMPTY_TUPLE : new PyTuple(early);
    if (kind === 'list') nodes.push(new PyList());
    else if (kind === 'dict') nodes.push(new PyDict());
    else if (kind === 'tuple') nodes.push(tuple);
    else if (kind === 'persistent') nodes.push(new PyPersistent(tuple));
    else nodes.push(new PyObject(construct, GLOBALS[global] as PyGlobal, tuple));
  }
  for (const [index, { items, effects }] of specs.entries()) {
    const node = nodes[index];
    const late = items.map((item) => value(item, nodes.length));
    if (node instanceof PyList) node.items.push(...late);
    if (node instanceof PyDict) {
      for (let i = 0; i + 1 < late.length; i += 2) {
        node.keys.push(hashable(late[i] as Value));
        node.values.push(late[i + 1] as Value);
      }
    }
    if (node instanceof PyObject) {
      const made: Effect[] = [];
      for (const [op, given] of effects) {
        // what a decoder would read as one run is one here
        if (op !== 'build' && made.at(-1)?.op === op) continue;
        const values = given.map((item) => value(item, nodes.length));
        if (op === 'append') made.push({ op, items: values });
        else if (op === 'build') made.push({ op, state: values[0] as Value });
        else
          made.push({
            op,
            keys: values.slice(0, values.length >> 1).map(hashable),
            values: values.slice(-(values.length >> 1)),
          });
      }
      if (made.length > 0) node.effects = made;
    }
  }
  return nodes.at(-1) as Value;
}

/** Python takes no list or dict for a key. */
function hashable(key: Value): Value {
  return key instanceof PyList || key instanceof PyDict ? 'key' : key;
}

const graph = fc.array(spec, { minLength: 1, maxLength: 20 }).map(graphOf);

describe('a graph with sharing and cycles', () => {
  it('decodes to what was encoded, object by object', async () => {
    await fc.assert(
      fc.asyncProperty(graph, async (root) => {
        expect(show(await decodedValue(await encode(root)))).toBe(show(root));
      }),
      { numRuns: 200 },
    );
  });

  it('encodes to the same bytes ever after', async () => {
    await fc.assert(
      fc.asyncProperty(graph, async (root) => {
        const bytes = await encode(root);
        expect((await encode(await decodedValue(bytes))).equals(bytes)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('is walked once a node, and ends', () => {
    fc.assert(
      fc.property(graph, (root) => {
        const visited: PyNode[] = [];
        walkNodes(root, (node) => {
          visited.push(node);
          return undefined;
        });
        expect(new Set(visited).size).toBe(visited.length);
        for (const node of visited) {
          eachChild(node, (child) => {
            if (isNode(child)) expect(visited).toContain(child);
          });
        }
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    [
      'a list in itself',
      () => {
        const list = new PyList();
        list.items.push(list);
        return list;
      },
      '&1 [*1]',
    ],
    [
      'a tuple that holds itself',
      () => {
        const list = new PyList();
        const tuple = new PyTuple([list, 1]);
        list.items.push(tuple);
        return tuple;
      },
      '&1 ([*1], 1)',
    ],
    [
      'a long tuple that holds itself',
      () => {
        const list = new PyList();
        const tuple = new PyTuple([1, 2, 3, list]);
        list.items.push(tuple);
        return tuple;
      },
      '&1 (1, 2, 3, [*1])',
    ],
    [
      'an object that is its own argument',
      () => {
        const list = new PyList();
        const object = new PyObject('reduce', GLOBALS[0] as PyGlobal, new PyTuple([list]));
        list.items.push(object);
        return object;
      },
      '&1 reduce <a.b> ([*1])',
    ],
    [
      'an object in its own state',
      () => {
        const object = new PyObject('newobj', GLOBALS[0] as PyGlobal, EMPTY_TUPLE);
        object.effects = [{ op: 'build', state: object }];
        return object;
      },
      '&1 newobj <a.b> () build *1',
    ],
  ])('may be %s', async (_what, make, expected) => {
    const root = make();
    expect(show(root)).toBe(expected);
    expect(show(await decodedValue(await encode(root)))).toBe(expected);
  });
});

/** How deep lists, tuples or dicts stand in each other, without recursion. */
function depthOf(root: Value): number {
  let depth = 0;
  let at: Value | undefined = root;
  while (at instanceof PyList || at instanceof PyTuple || at instanceof PyDict) {
    depth++;
    at = at instanceof PyDict ? at.values[0] : at.items[0];
  }
  return depth;
}

describe('many levels', () => {
  const DEEP = 100_000;
  const DEEPER = 1_000_000;

  it.each([
    ['lists', DEEP, stream(Buffer.alloc(DEEP, ']'), Buffer.alloc(DEEP - 1, 'a'), 'STOP')],
    ['tuples', DEEP, stream('NONE', Buffer.alloc(DEEP, 0x85), 'STOP')],
    ['dicts', DEEP, stream(Buffer.from('}K\0'.repeat(DEEP)), 'NONE', Buffer.alloc(DEEP, 's'), 'STOP')],
    ['marks', DEEPER, stream('NONE', Buffer.alloc(DEEPER, '('), 'NONE', Buffer.alloc(DEEPER, 't'), 'STOP')],
  ])(
    'of %s, %i of them, are decoded, encoded, walked and listed',
    { timeout: 120_000 },
    async (_what, levels, bytes) => {
      const root = await decodedValue(bytes);
      expect(depthOf(root)).toBe(levels);
      expect(depthOf(await decodedValue(await encode(root)))).toBe(levels);
      let visited = 0;
      walkNodes(root, () => {
        visited++;
        return undefined;
      });
      expect(visited).toBe(levels);
      expect(listTensors(root, new Map())).toEqual({ tensors: [], omissions: [] });
    },
  );

  it('of calls are decoded, encoded and listed', async () => {
    const calls = Buffer.alloc(2 * 100_000, Buffer.of(0x85, 0x52));
    const root = await decodedValue(stream(text('ca\nb\n'.repeat(100_000)), 'NONE', calls, 'STOP'));
    expect((await encode(root)).length).toBeGreaterThan(100_000);
    expect(listTensors(root, new Map()).tensors).toEqual([]);
  });

  it('of arguments that a rebuild function takes end in a clear error', async () => {
    const calls = Buffer.alloc(2 * 100_000, Buffer.of(0x85, 0x52));
    const names = text('ctorch._utils\n_rebuild_parameter\n'.repeat(100_000));
    const root = await decodedValue(stream(names, 'NONE', calls, 'STOP'));
    expect(() => listTensors(root, new Map())).toThrow(/tensors nested more than 16 deep/);
  });
});
