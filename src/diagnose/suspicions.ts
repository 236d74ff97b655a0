import { eachCall, TensorCall, type TensorMould } from '../pickle/tensor-call.ts';
import type { PickleTrace, RecordTrace } from '../pickle/trace.ts';
import { argumentsOf, PyGlobal, type PyNode, type PyObject } from '../pickle/values.ts';
import { type Contract, contractOf, isComputedCall } from '../torch/call-contracts.ts';
import { globalTier, isReachingName } from '../torch/global-tiers.ts';

/** Which rule a suspicion belongs to. */
export type SuspicionKind =
  | 'dangerous-call'
  | 'dangerous-global'
  | 'dotted-name'
  | 'computed-import'
  | 'computed-call'
  | 'build-on-value'
  | 'extension-code'
  | 'argument'
  | 'second-archive'
  | 'unsearched'
  | 'odd-argument'
  | 'odd-stream';

/** Something that a loader would do and that no honest file asks of it. */
export interface Suspicion {
  readonly kind: SuspicionKind;
  /** In words, without the place: `os.system is called`. */
  readonly what: string;
  /** `data.pkl`; empty where the file is one pickle. */
  readonly record: string;
  /** Offset in the pickle. */
  readonly offset: number;
}

/** A file that does one thing a million times is told of it this often. */
const MOST_SUSPICIONS = 1000;

/** What is suspicious in what loaders would do, in the order in which they would do it. */
export function findSuspicions(traces: readonly RecordTrace[]): Suspicion[] {
  return traces.flatMap(({ record, trace, understood }) =>
    [...globalSuspicions(trace), ...callSuspicions(trace, understood), ...odditySuspicions(trace)]
      .sort((a, b) => a.offset - b.offset)
      .slice(0, MOST_SUSPICIONS)
      .map((suspicion) => ({ ...suspicion, record })),
  );
}

type Local = Omit<Suspicion, 'record'>;

function globalSuspicions(trace: PickleTrace): Local[] {
  const found: Local[] = [];
  /** Only a file that names what is dangerous makes anybody ask. */
  let called: ReadonlySet<PyGlobal> | undefined;
  for (const global of trace.globals) {
    const { module, name, offset, qualifiedName } = global;
    if (isReachingName(module, name)) {
      found.push({ kind: 'dotted-name', what: `${module} is reached through for ${name}`, offset });
    } else if (globalTier(module, name) === 'danger') {
      called ??= calledGlobals(trace.calls);
      if (called.has(global)) continue;
      found.push({ kind: 'dangerous-global', what: `${qualifiedName} is imported`, offset });
    }
  }
  return found;
}

function calledGlobals(calls: readonly PyObject[]): Set<PyGlobal> {
  const called = new Set<PyGlobal>();
  for (const call of calls) {
    if (call.callable instanceof PyGlobal) called.add(call.callable);
    if (call instanceof TensorCall) called.add(call.mould.hooks);
  }
  return called;
}

function callSuspicions(trace: PickleTrace, understood?: ReadonlySet<PyNode>): Local[] {
  const contracts = new Map<PyGlobal, Contract | 'danger' | undefined>();
  const found: Local[] = [];
  for (const call of eachCall(unlike(trace.calls))) {
    if (understood?.has(call)) continue;
    const { callable, offset } = call;
    if (!(callable instanceof PyGlobal)) {
      if (isComputedCall(call))
        found.push({ kind: 'computed-call', what: 'the result of a call is called', offset });
      continue;
    }
    if (!contracts.has(callable)) {
      const danger = globalTier(callable.module, callable.name) === 'danger';
      contracts.set(callable, danger ? 'danger' : contractOf(callable));
    }
    const contract = contracts.get(callable);
    if (contract === undefined) continue;
    if (contract === 'danger') {
      found.push({
        kind: 'dangerous-call',
        what: `${callable.qualifiedName}(${shownArguments(call)}) is called`,
        offset,
      });
    } else {
      const fault = contract(argumentsOf(call));
      if (!fault) continue;
      const kind = fault.weight === 'hostile' ? 'argument' : 'odd-argument';
      found.push({ kind, what: `a call of ${callable.qualifiedName} ${fault.what}`, offset });
    }
    if (found.length >= MOST_SUSPICIONS) break;
  }
  return found;
}

/** Without the tensors that differ from one before in numbers alone: what holds of the one holds of the other. */
function unlike(calls: readonly PyObject[]): PyObject[] {
  const found: PyObject[] = [];
  const seen = new Set<TensorMould>();
  let last: TensorMould | undefined;
  for (let i = 0; i < calls.length; i++) {
    const call = calls[i] as PyObject;
    if (call instanceof TensorCall && call.isUnread) {
      if (call.mould === last || seen.has(call.mould)) continue;
      last = call.mould;
      seen.add(last);
    }
    found.push(call);
  }
  return found;
}

const ODDITIES = {
  'computed-import': 'computed-import',
  extension: 'extension-code',
  'build-on-value': 'build-on-value',
  'late-protocol': 'odd-stream',
  leftover: 'odd-stream',
  'second-archive': 'second-archive',
  unsearched: 'unsearched',
} as const;

function odditySuspicions(trace: PickleTrace): Local[] {
  return (
    trace.oddities
      // a list that is given a state is damage; a function or a class that is given one is made to do something else
      .filter(({ kind, what }) => kind !== 'build-on-value' || what.startsWith('the global'))
      .map(({ kind, what, offset }) => ({ kind: ODDITIES[kind], what, offset }))
  );
}

/** The arguments as far as they are short text or numbers: enough to see what a command is. */
function shownArguments(call: PyObject): string {
  const shown = argumentsOf(call)
    .slice(0, 3)
    .map((argument) => {
      if (typeof argument === 'string')
        return JSON.stringify(argument.length > 60 ? `${argument.slice(0, 57)}…` : argument);
      return typeof argument === 'object' && argument !== null ? '…' : String(argument);
    });
  return shown.join(', ');
}
