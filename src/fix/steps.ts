import type { Operation } from './operation.ts';
import { addPrefix } from './operations/add-prefix.ts';
import { type CastOptions, cast } from './operations/cast.ts';
import { compact } from './operations/compact.ts';
import { extract } from './operations/extract.ts';
import { mapLocation } from './operations/map-location.ts';
import { rename } from './operations/rename.ts';
import { safe } from './operations/safe.ts';
import { drop, keep } from './operations/select-tensors.ts';
import { stripPrefix } from './operations/strip-prefix.ts';
import { stripWrappers } from './operations/strip-wrappers.ts';
import { targetTorch } from './operations/target-torch.ts';
import { untie } from './operations/untie.ts';
import { weights } from './operations/weights.ts';

/** What to do to a checkpoint. Steps are carried out in the order of the fields. */
export interface FixSteps {
  /** Dotted path of the value that becomes the root. */
  readonly extract?: string;
  /** Leave only the state_dict of the model. */
  readonly weights?: boolean;
  /** Put plain values in the place of what `weights_only` refuses. */
  readonly safe?: boolean;
  /** Globs over tensor names, as they are after `extract` and `weights`: what matches none goes. */
  readonly keep?: readonly string[];
  /** Globs over tensor names: what matches one goes. */
  readonly drop?: readonly string[];
  /** Take the names of all known wrappers out of keys. */
  readonly stripWrappers?: boolean;
  /** Prefixes to take off the start of keys, in order. */
  readonly stripPrefixes?: readonly string[];
  /** `<regex>=<replacement>` for the keys of model state_dicts, in order. */
  readonly rename?: readonly string[];
  /** Prefix to put before the keys of model state_dicts. */
  readonly addPrefix?: string;
  /** Give each tensor a storage of its own. */
  readonly untie?: boolean;
  /** Leave out of storages what no tensor uses. */
  readonly compact?: boolean;
  /** Cast floating-point tensors: `float32`, `float16` or `bfloat16`. */
  readonly dtype?: string;
  /** Globs over tensor names, as they are after renames: only those are cast. */
  readonly dtypeInclude?: readonly string[];
  readonly dtypeExclude?: readonly string[];
  /** Cast although finite values become infinite. */
  readonly allowOverflow?: boolean;
  /** As torch.load's: `cpu`, or `cuda:0=cpu,cuda:1=cuda:0`. */
  readonly mapLocation?: string;
  /** The release of torch that shall load the output: `1.13`. */
  readonly targetTorch?: string;
}

/** The operations of the steps. @throws RefusedError for a step that makes no sense. */
export function operationsOf(steps: FixSteps): Operation[] {
  const operations: Operation[] = [];
  if (steps.extract !== undefined) operations.push(extract(steps.extract));
  if (steps.weights) operations.push(weights());
  if (steps.safe) operations.push(safe());
  if (steps.keep?.length) operations.push(keep(steps.keep));
  if (steps.drop?.length) operations.push(drop(steps.drop));
  if (steps.stripWrappers) operations.push(stripWrappers());
  operations.push(...(steps.stripPrefixes ?? []).map(stripPrefix));
  operations.push(...(steps.rename ?? []).map(rename));
  if (steps.addPrefix !== undefined) operations.push(addPrefix(steps.addPrefix));
  if (steps.untie) operations.push(untie());
  if (steps.compact) operations.push(compact());
  if (steps.dtype !== undefined) operations.push(cast(steps.dtype, castOptions(steps)));
  if (steps.mapLocation !== undefined) operations.push(mapLocation(steps.mapLocation));
  if (steps.targetTorch !== undefined) operations.push(targetTorch(steps.targetTorch));
  return operations;
}

function castOptions({ dtypeInclude, dtypeExclude, allowOverflow }: FixSteps): CastOptions {
  return {
    ...(dtypeInclude && { include: dtypeInclude }),
    ...(dtypeExclude && { exclude: dtypeExclude }),
    ...(allowOverflow !== undefined && { allowOverflow }),
  };
}

type Writable = { -readonly [Key in keyof FixSteps]: FixSteps[Key] };

/** What each flag that a finding may name does to the steps; those that take a value get the word after them. */
const FLAGS: Readonly<Record<string, (steps: Writable, value: string) => void>> = {
  '--extract': (steps, value) => {
    steps.extract = value;
  },
  '--weights': (steps) => {
    steps.weights = true;
  },
  '--keep': (steps, value) => {
    steps.keep = [...(steps.keep ?? []), value];
  },
  '--drop': (steps, value) => {
    steps.drop = [...(steps.drop ?? []), value];
  },
  '--strip-wrappers': (steps) => {
    steps.stripWrappers = true;
  },
  '--strip-module': (steps) => {
    steps.stripPrefixes = [...(steps.stripPrefixes ?? []), 'module.'];
  },
  '--strip-prefix': (steps, value) => {
    steps.stripPrefixes = [...(steps.stripPrefixes ?? []), value];
  },
  '--rename': (steps, value) => {
    steps.rename = [...(steps.rename ?? []), value];
  },
  '--add-prefix': (steps, value) => {
    steps.addPrefix = value;
  },
  '--untie': (steps) => {
    steps.untie = true;
  },
  '--compact': (steps) => {
    steps.compact = true;
  },
  '--dtype': (steps, value) => {
    steps.dtype = value;
  },
  '--dtype-exclude': (steps, value) => {
    steps.dtypeExclude = [...(steps.dtypeExclude ?? []), value];
  },
  '--safe': (steps) => {
    steps.safe = true;
  },
  '--target-torch': (steps, value) => {
    steps.targetTorch = value;
  },
  '--map-location': (steps, value) => {
    steps.mapLocation = value;
  },
};

/** The steps that a finding's flags stand for. */
export function stepsOfFlags(flags: readonly string[]): FixSteps {
  const steps: Writable = {};
  for (const [index, flag] of flags.entries()) FLAGS[flag]?.(steps, flags[index + 1] ?? '');
  return steps;
}

/** What was asked for, with what the findings ask for besides; where both speak, what was asked for holds. */
export function mergeSteps(asked: FixSteps, advised: FixSteps): FixSteps {
  const stripPrefixes = [...new Set([...(asked.stripPrefixes ?? []), ...(advised.stripPrefixes ?? [])])];
  return { ...advised, ...asked, stripPrefixes };
}
