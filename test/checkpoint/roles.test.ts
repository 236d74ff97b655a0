import { describe, expect, it } from 'vitest';
import { rolesOf } from '../../src/checkpoint/roles.ts';
import type { Value } from '../../src/pickle/values.ts';
import { checkpointOf, dict, instance, orderedDict, tensor } from '../support/checkpoint-builder.ts';

const weights = (prefix = '') =>
  orderedDict({ [`${prefix}conv.weight`]: tensor(), [`${prefix}conv.bias`]: tensor({ shape: [3] }) });
const adam = () =>
  dict({
    state: dict({ 0: dict({ exp_avg: tensor(), step: tensor({ shape: [] }) }) }),
    param_groups: dict({}),
  });
const roles = (root: Value) =>
  Object.fromEntries(
    rolesOf(checkpointOf(root)).map(({ role, paths, tensors, bytes }) => [role, [paths, tensors, bytes]]),
  );

describe('the parts of a checkpoint', () => {
  it('tells a copy in one state_dict by the start of each name', () => {
    const names = ['ema.a', 'ema.b', 'emax.c', 'conv.d', 'conv.e', 'ema.f', 'g', 'model_ema.h'];
    expect(
      roles(orderedDict(Object.fromEntries(names.map((name) => [name, tensor({ shape: [1] })])))),
    ).toEqual({
      ema: [[''], 4, 16],
      model: [[''], 4, 16],
    });
  });

  it('of a Lightning run', () => {
    expect(
      roles(
        dict({
          epoch: 3,
          'pytorch-lightning_version': '2.6.6',
          state_dict: weights(),
          loops: dict({}),
          callbacks: dict({}),
          optimizer_states: dict({ 0: adam() }),
          lr_schedulers: dict({}),
          hyper_parameters: dict({ lr: 1 }),
        }),
      ),
    ).toEqual({
      model: [['state_dict'], 2, 36],
      optimizer: [['optimizer_states'], 2, 28],
      scheduler: [['lr_schedulers'], 0, 0],
      callbacks: [['callbacks'], 0, 0],
      progress: [['epoch', 'pytorch-lightning_version', 'loops'], 0, 0],
      'hyper-parameters': [['hyper_parameters'], 0, 0],
    });
  });

  it('of a run with an EMA copy, whether beside the model or within its keys', () => {
    expect(roles(dict({ model: weights(), model_ema: weights(), optimizer: adam() }))).toMatchObject({
      model: [['model'], 2, 36],
      ema: [['model_ema'], 2, 36],
      optimizer: [['optimizer'], 2, 28],
    });
    const both = orderedDict({ 'model.conv.weight': tensor(), 'model_ema.conv': tensor() });
    expect(roles(dict({ state_dict: both }))).toMatchObject({
      model: [['state_dict'], 1, 24],
      ema: [['state_dict'], 1, 24],
    });
    expect(roles(both)).toMatchObject({ model: [[''], 1, 24], ema: [[''], 1, 24] });
  });

  it('of a plain state_dict, whatever its keys are called', () => {
    const names = orderedDict({
      optimizer: tensor(),
      'scheduler.weight': tensor(),
      encoder: tensor(),
      'ema_rate.w': tensor(),
    });
    expect(rolesOf(checkpointOf(names)).find(({ role }) => role === 'model')?.tensors).toBe(3);
    expect(roles(weights('backbone.'))).toEqual({ model: [[''], 2, 36] });
  });

  it('of random states, scalers and metrics', () => {
    expect(
      roles(
        dict({
          rng_state: tensor({ dtype: 'uint8' }),
          grad_scaler: dict({ scale: 1 }),
          best_acc1: 0.5,
          weird: 4,
          model: weights(),
        }),
      ),
    ).toEqual({
      model: [['model'], 2, 36],
      rng: [['rng_state'], 1, 6],
      scaler: [['grad_scaler'], 0, 0],
      metrics: [['best_acc1'], 0, 0],
    });
  });

  it('of a pickled module: the model', () => {
    const module = instance('models.Net', { optimizer: tensor(), weight: tensor() });
    expect(roles(module)).toEqual({ model: [[''], 2, 48] });
  });

  it('of loose tensors: nobody knows', () => {
    expect(roles(dict({ data: dict({ features: tensor() }) }))).toEqual({ model: [['data'], 1, 24] });
  });
});
