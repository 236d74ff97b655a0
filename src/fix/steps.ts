import type { Operation } from './operation.ts';
import { addPrefix } from './operations/add-prefix.ts';
import { mapLocation } from './operations/map-location.ts';
import { stripPrefix } from './operations/strip-prefix.ts';

/** What to do to a checkpoint. Steps are carried out in the order of the fields. */
export interface FixSteps {
  /** Prefixes to take off the start of keys, in order. */
  readonly stripPrefixes?: readonly string[];
  /** Prefix to put before the keys of model state_dicts. */
  readonly addPrefix?: string;
  /** As torch.load's: `cpu`, or `cuda:0=cpu,cuda:1=cuda:0`. */
  readonly mapLocation?: string;
}

/** The operations of the steps. @throws RefusedError for a step that makes no sense. */
export function operationsOf(steps: FixSteps): Operation[] {
  const operations = (steps.stripPrefixes ?? []).map(stripPrefix);
  if (steps.addPrefix !== undefined) operations.push(addPrefix(steps.addPrefix));
  if (steps.mapLocation !== undefined) operations.push(mapLocation(steps.mapLocation));
  return operations;
}

/** The steps that a finding's flags stand for. */
export function stepsOfFlags(flags: readonly string[]): FixSteps {
  const stripPrefixes: string[] = [];
  let mapLocation: string | undefined;
  for (const [index, flag] of flags.entries()) {
    if (flag === '--strip-module') stripPrefixes.push('module.');
    if (flag === '--strip-prefix') stripPrefixes.push(flags[index + 1] as string);
    if (flag === '--map-location') mapLocation = flags[index + 1];
  }
  return { stripPrefixes, ...(mapLocation !== undefined && { mapLocation }) };
}

/** What was asked for, with what the findings ask for besides; where both speak, what was asked for holds. */
export function mergeSteps(asked: FixSteps, advised: FixSteps): FixSteps {
  const stripPrefixes = [...(asked.stripPrefixes ?? [])];
  for (const prefix of advised.stripPrefixes ?? [])
    if (!stripPrefixes.includes(prefix)) stripPrefixes.push(prefix);
  return { ...advised, ...asked, stripPrefixes };
}
