import { eachCall } from '../pickle/tensor-call.ts';
import type { RecordTrace } from '../pickle/trace.ts';
import { callableName, PyGlobal, type PyObject } from '../pickle/values.ts';
import { isAllowedGlobal } from '../torch/allowlist.ts';
import { type GlobalTier, globalTier } from '../torch/global-tiers.ts';

/** A name that a loader would import, over all pickles of a file. */
export interface ExplainedGlobal {
  readonly name: string;
  readonly tier: GlobalTier;
  /** torch 2.13's `weights_only` unpickler takes it. */
  readonly weightsOnly: boolean;
  readonly count: number;
  /** The first place: record (empty where the file is the pickle) and offset in the pickle. */
  readonly record: string;
  readonly offset: number;
}

/** Calls of one callable that follow each other, as a loader would make them. */
export interface ExplainedCalls {
  /** Of the callable; `<result of a call>` where it is computed. */
  readonly name: string;
  readonly tier: GlobalTier;
  /** Of the first. */
  readonly opcode: string;
  readonly record: string;
  readonly offset: number;
  readonly count: number;
}

/** What loading a file with Python's own unpickler would do. */
export interface Loading {
  readonly globals: readonly ExplainedGlobal[];
  /** In their order. */
  readonly calls: readonly ExplainedCalls[];
  /** Further runs of calls, after the ones that are listed. */
  readonly moreCalls: number;
}

/** A run more of calls of the same ten functions says nothing new. */
const MOST_RUNS = 1000;

const OPCODES: Readonly<Record<PyObject['construct'], string>> = {
  reduce: 'REDUCE',
  newobj: 'NEWOBJ',
  'newobj-ex': 'NEWOBJ_EX',
  inst: 'INST or OBJ',
};

/** What loaders would import and call, told from the traces of all pickles of a file; nothing of it was executed. */
export function explainLoading(traces: readonly RecordTrace[]): Loading {
  const calls: (ExplainedCalls & { count: number })[] = [];
  let moreCalls = 0;
  for (const { record, trace } of traces) {
    for (const call of eachCall(trace.calls)) {
      const name = callableName(call) ?? '<result of a call>';
      const last = calls.at(-1);
      if (last?.name === name && last.record === record) last.count++;
      else if (calls.length >= MOST_RUNS) moreCalls++;
      else {
        const { construct, offset } = call;
        calls.push({ name, tier: tierOfCall(call), opcode: OPCODES[construct], record, offset, count: 1 });
      }
    }
  }
  return { globals: explainGlobals(traces), calls, moreCalls };
}

export function tierOfCall({ callable }: PyObject): GlobalTier {
  return callable instanceof PyGlobal ? globalTier(callable.module, callable.name) : 'danger';
}

function explainGlobals(traces: readonly RecordTrace[]): ExplainedGlobal[] {
  const found = new Map<string, ExplainedGlobal & { count: number }>();
  for (const { record, trace } of traces) {
    for (const { module, name: attribute, qualifiedName: name, uses, offset } of trace.globals) {
      const known = found.get(name);
      if (known) known.count += uses;
      else {
        const tier = globalTier(module, attribute);
        const weightsOnly = isAllowedGlobal(module, attribute);
        found.set(name, { name, tier, weightsOnly, count: uses, record, offset });
      }
    }
  }
  return [...found.values()];
}
