import type { Checkpoint, Sharding } from '../../src/checkpoint/checkpoint.ts';
import { type CheckpointOptions, checkpointOf, dict, tensor } from '../support/checkpoint-builder.ts';
import type { Fixture, RuleCases } from './cases.ts';

const WHOLE: Sharding = {
  files: [
    { name: 'model.safetensors.index.json', bytes: 300 },
    { name: 'model-00001-of-00002.safetensors', bytes: 5000 },
    { name: 'model-00002-of-00002.safetensors', bytes: 4000 },
  ],
  lostKeys: [],
  repeatedKeys: [],
  unlistedKeys: [],
};

/** A checkpoint in memory that is spread over files as is said here. */
function spread(name: string, changes: Partial<Sharding>, options: CheckpointOptions = {}): Fixture {
  return {
    name,
    build: (): Checkpoint => ({
      ...checkpointOf(dict({ w: tensor() }), { kind: 'sharded-index', ...options }),
      sharding: { ...WHOLE, ...changes },
    }),
  };
}

const called = (path: string): Fixture => ({
  name: `a file called ${path}`,
  build: () => checkpointOf(dict({ w: tensor() }), { kind: 'safetensors', path }),
});
const file = (path: string): Fixture => ({ file: path });
const lost = [...WHOLE.files.slice(0, 2), { name: 'model-00002-of-00002.safetensors', bytes: undefined }];
const whole = spread('a whole set', {});

export const SHARDING_CASES: Readonly<Record<string, RuleCases>> = {
  'sharding/missing-file': {
    triggers: [
      spread('a set without its last shard', { files: lost }),
      spread('a distributed checkpoint without a file', { files: lost }, { kind: 'distcp' }),
      file('containers/deepspeed'),
    ],
    quiet: [whole, file('containers/bert'), file('containers/distributed'), file('clean/state_dict.pth')],
  },
  'sharding/index-mismatch': {
    triggers: [
      spread('a tensor in no shard', { lostKeys: ['a'] }),
      spread('a tensor in two shards', { repeatedKeys: ['a'] }),
      spread('a tensor that the index does not name', { unlistedKeys: ['a'] }),
    ],
    quiet: [whole, file('containers/bert'), file('containers/bert_bin'), file('clean/state_dict.pth')],
  },
  'sharding/total-size': {
    triggers: [spread('half of the bytes', { totalSize: { declared: 12, found: 24 } })],
    quiet: [
      whole,
      spread('the same bytes', { totalSize: { declared: 24, found: 24 } }),
      file('containers/bert'),
      file('containers/bert_bin'),
    ],
  },
  'sharding/lone-shard': {
    triggers: [
      called('models/model-00002-of-00005.safetensors'),
      called('pytorch_model-00001-of-00002.bin'),
      file('containers/bert/model-00001-of-00002.safetensors'),
    ],
    quiet: [
      called('model-00001-of-00001.safetensors'),
      called('epoch-00002-of-00005-best.pth.bak'),
      file('containers/bert'),
      file('clean/state_dict.pth'),
    ],
  },
};
