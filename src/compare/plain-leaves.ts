import { crc32 } from 'node:zlib';
import { eachChild } from '../checkpoint/children.ts';
import { pathName } from '../checkpoint/path.ts';
import type { ByteSource, SourceRange } from '../io/byte-source.ts';
import { streamSegment } from '../io/segment.ts';
import { byteValue } from '../pickle/byte-values.ts';
import {
  callableName,
  entriesOf,
  isNode,
  PyBytes,
  PyFloat,
  PyGlobal,
  PyList,
  type PyNode,
  PyObject,
  PySet,
  PyText,
  PyTuple,
  type Value,
} from '../pickle/values.ts';
import type { ValueDifference } from './comparison.ts';

/** Values of one side that are gone through: a few lists that hold each other could unfold without end. */
const MOST_VALUES = 200_000;
/** Containers within containers; one that holds itself ends here as well. */
const DEEPEST = 64;
/** UTF-16 units of a string that a difference shows. */
const LONGEST = 200;
const CHUNK = 1 << 20;
/** What `Module.state_dict()` hangs on its result: versions of modules under names that are told already. */
const MODULE_VERSIONS = '@_metadata';

/** A value that holds no others. */
interface Leaf {
  readonly text: string;
  /** What makes it equal to another: a word, or bytes that stand in a file. */
  readonly identity: string | SourceRange;
}

export interface Leaves {
  readonly byName: ReadonlyMap<string, Leaf>;
  /** There are more values than were gone through. */
  readonly cut: boolean;
}

/** The values under `root` that are no tensors, by their dotted names. A container shows in the names of what it holds. */
export function leavesOf(root: Value, tensors: ReadonlySet<PyNode>, source: ByteSource): Leaves {
  const byName = new Map<string, Leaf>();
  const open: { readonly value: Value; readonly path: readonly (string | number)[] }[] = [
    { value: root, path: [] },
  ];
  let seen = 0;
  while (open.length > 0 && seen < MOST_VALUES) {
    const { value, path } = open.pop() as (typeof open)[number];
    seen++;
    if (isNode(value) && tensors.has(value)) continue;
    const leaf = leafOf(value, source);
    if (leaf) byName.set(pathName(path), leaf);
    if (!isNode(value) || path.length >= DEEPEST || (leaf && !isInstance(value))) continue;
    const children: typeof open = [];
    eachChild(value, (child, segment) => {
      if (typeof segment === 'string' && segment.startsWith(MODULE_VERSIONS)) return;
      if (children.length < MOST_VALUES) children.push({ value: child, path: [...path, segment] });
    });
    for (const child of children.reverse()) open.push(child);
  }
  return { byName, cut: open.length > 0 };
}

/** An object that is no mapping: it has a class to be told, and attributes. */
function isInstance(value: Value): boolean {
  return value instanceof PyObject && entriesOf(value) === undefined;
}

function leafOf(value: Value, source: ByteSource): Leaf | undefined {
  if (typeof value === 'string') return { text: shortened(JSON.stringify(value)), identity: `str ${value}` };
  if (value === null) return word('None');
  if (typeof value === 'boolean') return word(value ? 'True' : 'False');
  if (!isNode(value)) return word(String(value));
  if (value instanceof PyFloat) return word(floatText(value.value));
  if (value instanceof PyGlobal) return word(value.qualifiedName);
  if (value instanceof PyText) return { text: `str, ${value.range.length} bytes`, identity: value.range };
  if (value instanceof PyBytes || value instanceof PyObject) {
    const bytes = byteValue(value, source);
    if (bytes) return bytesLeaf(bytes.held ?? bytes.range);
  }
  if (isInstance(value)) return word(`${callableName(value) ?? 'an object'}(…)`);
  const isEmptyList =
    (value instanceof PyTuple || value instanceof PyList || value instanceof PySet) &&
    value.items.length === 0;
  if (isEmptyList) return word(value instanceof PyTuple ? '()' : value instanceof PyList ? '[]' : 'set()');
  return entriesOf(value)?.keys.length === 0 ? word('{}') : undefined;
}

const word = (text: string): Leaf => ({ text, identity: text });

/** As Python writes it, as far as one sees: `1.0` is no int. */
function floatText(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  if (Number.isFinite(value))
    return Number.isInteger(value) && Math.abs(value) < 1e16 ? value.toFixed(1) : String(value);
  return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
}

function bytesLeaf(content: Uint8Array | SourceRange): Leaf {
  const text = `bytes, ${content.length} bytes`;
  if (!(content instanceof Uint8Array)) return { text, identity: content };
  return { text, identity: `${text} ${crc32(content)}` };
}

function shortened(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

/** What differs between the values of two sides, in the order of a, then what b has besides. */
export async function compareLeaves(a: Leaves, b: Leaves): Promise<ValueDifference[]> {
  const differences: ValueDifference[] = [];
  for (const [name, leaf] of a.byName) {
    const other = b.byName.get(name);
    if (!other) differences.push({ name, a: leaf.text });
    else if (!(await isEqual(leaf, other))) differences.push({ name, a: leaf.text, b: other.text });
  }
  for (const [name, leaf] of b.byName) if (!a.byName.has(name)) differences.push({ name, b: leaf.text });
  return differences;
}

async function isEqual({ identity: a }: Leaf, { identity: b }: Leaf): Promise<boolean> {
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  return a.length === b.length && (await checksum(a)) === (await checksum(b));
}

async function checksum(range: SourceRange): Promise<number> {
  let sum = 0;
  for await (const chunk of streamSegment(range, CHUNK)) sum = crc32(chunk, sum);
  return sum;
}
