import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { findStateDicts } from '../../src/checkpoint/state-dicts.ts';
import { diagnose } from '../../src/diagnose/engine.ts';
import { prescribe } from '../../src/diagnose/prescription.ts';
import { WRAPPER_PREFIXES } from '../../src/diagnose/wrappers.ts';
import { Draft } from '../../src/fix/draft.ts';
import { operationsOf, stepsOfFlags } from '../../src/fix/steps.ts';
import type { Value } from '../../src/pickle/values.ts';
import { checkpointOf, dict, orderedDict, tensor } from '../support/checkpoint-builder.ts';
import { network } from './case-builders.ts';

const flagsOf = (root: Value) => [...prescribe(diagnose(checkpointOf(root))).flags];

function healed(checkpoint: Checkpoint): Checkpoint {
  const draft = new Draft(checkpoint);
  const steps = stepsOfFlags(prescribe(diagnose(checkpoint)).flags);
  for (const operation of operationsOf(steps)) operation.apply(draft);
  // operations edit the graph of the checkpoint itself
  return checkpoint;
}

const keysOf = (checkpoint: Checkpoint) => findStateDicts(checkpoint).map(({ keys }) => [...keys]);

describe('the flags for wrappers', () => {
  it('name each wrapper by its own flag', () => {
    expect(flagsOf(orderedDict(network({}, 'module.')))).toEqual(['--strip-module']);
    expect(flagsOf(orderedDict(network({}, '_orig_mod.')))).toEqual(['--strip-prefix', '_orig_mod.']);
  });

  it('name nested wrappers at once, whichever stands outside', () => {
    expect(flagsOf(orderedDict(network({}, 'module._orig_mod.')))).toEqual([
      '--strip-prefix',
      'module._orig_mod.',
    ]);
    expect(flagsOf(orderedDict(network({}, '_orig_mod.module.')))).toEqual([
      '--strip-prefix',
      '_orig_mod.module.',
    ]);
  });

  it('take the longer prefix before the shorter one that begins it', () => {
    const model = orderedDict(network({}, 'module._orig_mod.'));
    const ema = orderedDict(network({}, 'module.'));
    expect(flagsOf(dict({ ema, model }))).toEqual([
      '--strip-prefix',
      'module._orig_mod.',
      '--strip-prefix',
      'module.',
    ]);
  });

  it('reach a wrapper in the middle of a name', () => {
    const root = orderedDict({ 'enc._orig_mod.weight': tensor(), 'head.weight': tensor() });
    expect(flagsOf(root)).toEqual(['--strip-wrappers']);
    expect(keysOf(healed(checkpointOf(root)))).toEqual([['enc.weight', 'head.weight']]);
  });

  it('leave a real child called module alone', () => {
    const root = dict({
      a: orderedDict({ 'enc._orig_mod.weight': tensor() }),
      b: orderedDict({ 'module.weight': tensor(), 'head.weight': tensor() }),
    });
    expect(flagsOf(root)).toEqual([]);
  });

  it('bring every key back, in whatever order and number wrappers stand', () => {
    const stack = fc.shuffledSubarray([...WRAPPER_PREFIXES]).map((wrappers) => wrappers.join(''));
    fc.assert(
      fc.property(fc.array(stack, { minLength: 1, maxLength: 4 }), (stacks) => {
        const root = dict(
          Object.fromEntries(
            stacks.map((prefix, index) => [`model${index}`, orderedDict(network({}, prefix))]),
          ),
        );
        const result = healed(checkpointOf(root));
        for (const keys of keysOf(result)) expect(keys).toEqual(Object.keys(network()));
      }),
    );
  });
});
