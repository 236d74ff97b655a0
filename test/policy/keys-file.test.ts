import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../src/formats/open.ts';
import { keysDocument, readKeys } from '../../src/policy/keys-file.ts';
import { schemaValidator } from '../support/schema.ts';
import { folderOf } from './folder.ts';

const complaints = schemaValidator('keys');
const SMALL_NET = 'test/policy/small-net.keys.json';

async function keysOf(file: string) {
  const checkpoint = await openCheckpoint(`fixtures/${file}`);
  try {
    return keysDocument(checkpoint);
  } finally {
    await checkpoint.close();
  }
}

describe('keysDocument', () => {
  it('lists what torch lists of the model that the checkpoint was saved from', async () => {
    const document = await keysOf('clean/state_dict.pth');
    expect(complaints(document)).toEqual([]);
    const { keys } = await readKeys(SMALL_NET);
    expect(new Map(Object.entries(document.keys))).toEqual(keys);
    expect(document).not.toHaveProperty('optimizerGroups');
  });

  it('takes the model among others, and the groups of its optimizer', async () => {
    const document = await keysOf('clean/adam_and_scheduler.pth');
    expect(document.optimizerGroups).toEqual([3, 5]);
    expect(document.keys).toEqual((await keysOf('clean/state_dict.pth')).keys);
  });

  it('refuses a file without a state_dict', async () => {
    await expect(keysOf('clean/no_tensors.pt')).rejects.toThrow('no state_dict was found');
  });
});

describe('readKeys', () => {
  const reading = (document: object) => readKeys(join(folderOf({ 'k.json': document }), 'k.json'));
  const schema = 'ckpt-doctor/keys/1';

  it('takes dtypes by any of their names, and keys that are names of methods', async () => {
    const { keys } = await reading({
      schema,
      keys: {
        a: { shape: [], dtype: 'torch.half' },
        constructor: { shape: [1], dtype: 'bfloat16' },
        b: { shape: [2] },
      },
    });
    expect([...keys].map(([key, { dtype }]) => `${key} ${dtype}`)).toEqual([
      'a float16',
      'constructor bfloat16',
      'b undefined',
    ]);
  });

  it.each([
    [
      { schema, keys: { 'a.b': { shape: [1, -2] } } },
      'k.json: keys.a.b.shape[1]: expected a whole number from 0, found -2',
    ],
    [{ schema, keys: { a: [1] } }, 'keys.a'],
    [{ schema, keys: { a: { shape: [1], dtype: 'floaty' } } }, 'keys.a.dtype: torch has no dtype "floaty"'],
    [{ schema: 'ckpt-doctor/keys/2', keys: {} }, 'schema: expected "ckpt-doctor/keys/1"'],
    [{ schema }, 'keys: expected'],
  ])('names the key that is wrong in %j', async (document, text) => {
    await expect(reading(document)).rejects.toThrow(text);
  });
});
