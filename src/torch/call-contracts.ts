import {
  callableName,
  entriesOf,
  PyBytes,
  PyDict,
  PyFloat,
  PyGlobal,
  PyList,
  PyObject,
  PyPersistent,
  PySet,
  PyText,
  PyTuple,
  type Value,
} from '../pickle/values.ts';
import { python3Name } from './allowlist.ts';
import { globalTier } from './global-tiers.ts';

/** What is wrong with a call of a name that is harmless in itself. */
export interface ContractFault {
  /** `hostile`: it hands a callable on, or reaches for one. `odd`: nothing that torch writes, but no way to run anything is known. */
  readonly weight: 'hostile' | 'odd';
  /** Continues «the call …»: `is handed os.system`. */
  readonly what: string;
}

export type Contract = (args: readonly Value[]) => ContractFault | undefined;

const odd = (what: string): ContractFault => ({ weight: 'odd', what });
const hostile = (what: string): ContractFault => ({ weight: 'hostile', what });

const REBUILD = /^torch\._utils\._rebuild_\w+$|^torch\.nested\._internal\.nested_tensor\._rebuild_njt$/;

/** Hooks are called at `backward()`; a saved tensor has none. */
function hooks(value: Value | undefined): ContractFault | undefined {
  if (value === undefined || value === null) return undefined;
  // what torch writes for every tensor
  if (value instanceof PyObject && !value.effects && callableName(value) === 'collections.OrderedDict')
    return undefined;
  const entries = entriesOf(value);
  if (!entries) return hostile('gives a tensor something for hooks that is no dict');
  return entries.keys.length > 0 ? hostile('gives a tensor hooks, which run at backward()') : undefined;
}

/** Attributes such as `__class__` change what an object is. */
function attributes(state: Value | undefined): ContractFault | undefined {
  const dicts = state instanceof PyTuple ? state.items : [state ?? null];
  for (const dict of dicts) {
    const keys = dict instanceof PyDict ? dict.keys : [];
    const magic = keys.find((key) => typeof key === 'string' && /^__\w+__$/.test(key));
    if (magic !== undefined) return hostile(`sets the attribute ${magic}`);
  }
  return undefined;
}

const fromType: Contract = ([func, type, , state]) => {
  if (!(func instanceof PyGlobal) || !REBUILD.test(func.qualifiedName)) {
    return hostile(
      `hands on ${func instanceof PyGlobal ? func.qualifiedName : 'a computed value'} to be called`,
    );
  }
  if (!(type instanceof PyGlobal)) return hostile('has a computed class');
  return attributes(state);
};

const encode: Contract = ([text, codec]) => {
  if (typeof text !== 'string' && !(text instanceof PyText)) return odd('encodes what is no string');
  return typeof codec === 'string' && /^(latin-?1|utf-?8|ascii)$/i.test(codec)
    ? undefined
    : odd('names a codec that no pickler writes');
};

const bytearray: Contract = ([content, codec]) => {
  if (content === undefined || content instanceof PyBytes || content instanceof PyList) return undefined;
  if (typeof content === 'number' || typeof content === 'bigint')
    return odd(`asks for ${content} bytes of memory`);
  if (content instanceof PyObject || content instanceof PyText) return undefined;
  return typeof content === 'string' && typeof codec === 'string'
    ? undefined
    : odd('has arguments that no pickler writes');
};

/** `getattr(Enum, 'MEMBER')` is how Python saves enum members, and methods of classes. */
const getattr: Contract = ([target, name]) => {
  if (typeof name !== 'string') return hostile('computes the name of an attribute');
  if (name.includes('.') || name.startsWith('__')) return hostile(`reaches for the attribute ${name}`);
  if (!(target instanceof PyGlobal) && !(target instanceof PyObject))
    return hostile('takes an attribute of plain data');
  if (target instanceof PyGlobal) {
    const tier = globalTier(target.module, target.name);
    if (tier === 'danger') return hostile(`takes an attribute of ${target.qualifiedName}`);
    // a lower-case last name is a module or a function, through which everything can be reached
    if (!/^_*[A-Z]/.test(target.name) && tier === 'unknown')
      return hostile(`takes an attribute of ${target.qualifiedName}`);
  }
  return undefined;
};

const partial: Contract = ([func]) => {
  if (func instanceof PyGlobal) {
    return globalTier(func.module, func.name) === 'danger'
      ? hostile(`hands on ${func.qualifiedName}`)
      : undefined;
  }
  return func instanceof PyObject ? undefined : hostile('hands on what is no function');
};

const accessor: Contract = (args) => {
  const names = args.filter((arg) => typeof arg === 'string');
  return names.some((name) => name.includes('.') || name.includes('__'))
    ? hostile(`reaches for ${names.join(', ')}`)
    : undefined;
};

const reconstructor: Contract = ([cls, base]) => {
  for (const each of [cls, base]) {
    if (!(each instanceof PyGlobal)) return hostile('has a computed class');
  }
  return undefined;
};

const device: Contract = ([type, index]) =>
  typeof type === 'string' && (index === undefined || typeof index === 'number')
    ? undefined
    : odd('has arguments that torch does not write');

const counter: Contract = ([content]) =>
  content === undefined || content instanceof PyDict ? undefined : odd('counts something else than a dict');

const setOf: Contract = ([content]) =>
  content === undefined || content instanceof PyList || content instanceof PyTuple || content instanceof PySet
    ? undefined
    : odd('makes a set of something else than a list');

const complex: Contract = (args) =>
  args.every((arg) => arg instanceof PyFloat || typeof arg === 'number')
    ? undefined
    : odd('has arguments that are no numbers');

const CONTRACTS: ReadonlyMap<string, Contract> = new Map<string, Contract>([
  ['_codecs.encode', encode],
  ['builtins.bytearray', bytearray],
  ['builtins.set', setOf],
  ['builtins.complex', complex],
  ['builtins.getattr', getattr],
  ['collections.Counter', counter],
  ['copyreg._reconstructor', reconstructor],
  ['functools.partial', partial],
  ['operator.attrgetter', accessor],
  ['operator.itemgetter', accessor],
  ['torch.device', device],
  ['torch._tensor._rebuild_from_type_v2', fromType],
  ['torch._tensor._rebuild_from_type', fromType],
  ['torch.tensor._rebuild_from_type', fromType],
  ['torch._utils._rebuild_tensor_v2', ([, , , , , given]) => hooks(given)],
  ['torch._utils._rebuild_tensor_v3', ([, , , , , given]) => hooks(given)],
  ['torch._utils._rebuild_qtensor', ([, , , , , , given]) => hooks(given)],
  ['torch._utils._rebuild_parameter', ([, , given]) => hooks(given)],
  ['torch._utils._rebuild_parameter_with_state', ([, , given, state]) => hooks(given) ?? attributes(state)],
]);

/** The rule for the arguments of a known callable; undefined where any will do, or the callable is not known. */
export function contractOf(global: PyGlobal): Contract | undefined {
  return CONTRACTS.get(python3Name(global.module, global.name));
}

/** Whether a call calls the result of another call: what that is can't be known without running it. */
export function isComputedCall(call: PyObject): boolean {
  const { callable } = call;
  if (callable instanceof PyGlobal || callable instanceof PyPersistent) return false;
  // a partial stands for the function that it holds, and its own contract has judged that
  return callableName(callable) !== 'functools.partial';
}
