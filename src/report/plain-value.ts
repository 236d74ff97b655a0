import { eachChild } from '../checkpoint/children.ts';
import {
  callableName,
  entriesOf,
  PyBuffer,
  PyBytes,
  PyDict,
  PyExtension,
  PyFloat,
  PyGlobal,
  PyList,
  type PyObject,
  PyPersistent,
  PySet,
  PyText,
  PyTuple,
  stateOf,
  type Value,
} from '../pickle/values.ts';

/** What JSON can say. Integers past 2^53, NaN and the infinities are strings. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

// Metadata is for reading, and a pickle may hold gigabytes of lists, or a few bytes that unfold into them: these keep it a page.
/** Values in all the metadata of a document. */
const MAX_VALUES = 5_000;
/** Containers within containers; the conversion recurses, so this also guards the stack. */
const MAX_DEPTH = 10;
/** Items of one list or mapping. */
const MAX_ITEMS = 100;
/** UTF-16 units of one string. */
const MAX_STRING = 1_000;

/** Counts down the values that may still be written. One for a whole document. */
interface ValueBudget {
  values: number;
}

/**
 * A pickled value as plain JSON: tuples and sets become lists, objects become mappings whose `__class__` names what Python would
 * build, with `__args__`, the attributes, and `__items__`. What is too long ends in `…` and a count.
 */
function plainValue(value: Value, budget: ValueBudget, depth = 0): Json {
  budget.values -= 1;
  if (typeof value === 'string') return plainText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof PyFloat) return Number.isFinite(value.value) ? value.value : String(value.value);
  if (value instanceof PyText) return `… (str, ${value.range.length} bytes)`;
  if (value instanceof PyBytes)
    return `… (${value.type === 'str2' ? 'str' : value.type}, ${value.length} bytes)`;
  if (value instanceof PyGlobal) return value.qualifiedName;
  if (value instanceof PyExtension) return `… (copyreg extension ${value.code})`;
  if (value instanceof PyBuffer) return `… (out-of-band buffer ${value.index})`;
  if (value instanceof PyPersistent) return '… (storage)';
  if (depth >= MAX_DEPTH || budget.values <= 0) return '…';
  if (value instanceof PyTuple || value instanceof PyList || value instanceof PySet) {
    return plainList(value.items, budget, depth);
  }
  if (value instanceof PyDict) return plainMapping(value, budget, depth);
  return plainObject(value, budget, depth);
}

function plainText(text: string): string {
  if (text.length <= MAX_STRING) return text;
  return `${text.slice(0, MAX_STRING)}… (${text.length} characters)`;
}

function plainList(items: readonly Value[], budget: ValueBudget, depth: number): Json[] {
  const list: Json[] = [];
  for (const item of items) {
    if (list.length >= MAX_ITEMS || budget.values <= 0) {
      list.push(`… ${items.length - list.length} more`);
      break;
    }
    list.push(plainValue(item, budget, depth + 1));
  }
  return list;
}

type Mapping = { readonly keys: readonly Value[]; readonly values: readonly Value[] };

function plainMapping(pairs: Mapping, budget: ValueBudget, depth: number): { [key: string]: Json } {
  // no prototype: `__proto__` is a key like any other
  const mapping: { [key: string]: Json } = Object.create(null);
  // cut before it is gone through: a large mapping may stand at many places
  const head = new PyDict(pairs.keys.slice(0, MAX_ITEMS), pairs.values.slice(0, MAX_ITEMS));
  let written = 0;
  eachChild(head, (value, segment) => {
    if (budget.values <= 0) return;
    mapping[plainText(String(segment))] = plainValue(value, budget, depth + 1);
    written += 1;
  });
  if (written < pairs.keys.length) mapping['…'] = `${pairs.keys.length - written} more`;
  return mapping;
}

/** The values of a mapping that stand under keys of which `isShown` is true, each under its segment of a path. */
export function plainRoot(
  pairs: Mapping,
  isShown: (segment: string | number) => boolean,
): { [key: string]: Json } {
  const root: { [key: string]: Json } = Object.create(null);
  const budget: ValueBudget = { values: MAX_VALUES };
  let left = 0;
  eachChild(new PyDict([...pairs.keys], [...pairs.values]), (value, segment) => {
    if (!isShown(segment)) return;
    if (budget.values > 0) root[plainText(String(segment))] = plainValue(value, budget);
    else left += 1;
  });
  if (left > 0) root['…'] = `${left} more`;
  return root;
}

/** Helpers of pickle itself, whose first argument is the class in question. */
const CLASS_IN_ARGUMENT = new Set([
  'copy_reg._reconstructor',
  'copyreg._reconstructor',
  'copyreg.__newobj__',
]);
/** Built by an empty call and then filled: a plain mapping to any reader. */
const PLAIN_MAPPINGS = new Set(['collections.OrderedDict', 'builtins.dict', '__builtin__.dict']);

function plainObject(object: PyObject, budget: ValueBudget, depth: number): Json {
  let name = callableName(object) ?? '(no name)';
  let args = object.args instanceof PyTuple ? object.args.items : [object.args];
  if (CLASS_IN_ARGUMENT.has(name) && args[0] instanceof PyGlobal) {
    name = args[0].qualifiedName;
    args = [];
  }
  const pairs = entriesOf(object);
  if (pairs && PLAIN_MAPPINGS.has(name)) return plainMapping(pairs, budget, depth);
  const result: { [key: string]: Json } = Object.create(null);
  result.__class__ = name;
  if (args.length > 0) result.__args__ = plainList(args, budget, depth);
  const state = stateOf(object);
  const attributes = state === undefined ? undefined : entriesOf(state);
  if (attributes) Object.assign(result, plainMapping(attributes, budget, depth));
  else if (state !== undefined && state !== null) result.__state__ = plainValue(state, budget, depth + 1);
  const items = object.effects?.flatMap((effect) =>
    'items' in effect ? effect.items.slice(0, MAX_ITEMS + 1) : [],
  );
  if (pairs && pairs.keys.length > 0) result.__items__ = plainMapping(pairs, budget, depth);
  else if (items && items.length > 0) result.__items__ = plainList(items, budget, depth);
  return result;
}
