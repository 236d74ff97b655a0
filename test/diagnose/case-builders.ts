import type { Value } from '../../src/pickle/values.ts';
import {
  type CheckpointOptions,
  checkpointOf,
  orderedDict,
  type TensorOptions,
  tensor,
} from '../support/checkpoint-builder.ts';
import type { Fixture } from './cases.ts';

export const built = (name: string, build: () => Value, options?: CheckpointOptions): Fixture => ({
  name,
  build: () => checkpointOf(build(), options),
});
export const file = (path: string): Fixture => ({ file: path });

/** A small network as `state_dict()` lists it: convolution, batch normalisation, linear layer. */
export function network(options: TensorOptions = {}, prefix = ''): Record<string, Value> {
  return {
    [`${prefix}conv.weight`]: tensor({ shape: [8, 3, 3, 3], ...options }),
    [`${prefix}bn.weight`]: tensor({ shape: [8], ...options }),
    [`${prefix}bn.bias`]: tensor({ shape: [8], ...options }),
    [`${prefix}bn.running_mean`]: tensor({ shape: [8], ...options }),
    [`${prefix}bn.num_batches_tracked`]: tensor({ ...options, shape: [], dtype: 'int64' }),
    [`${prefix}fc.weight`]: tensor({ shape: [10, 8], ...options }),
    [`${prefix}fc.bias`]: tensor({ shape: [10], ...options }),
  };
}

export const clean = built('a plain state_dict on the CPU', () => orderedDict(network()));
