import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readTensor } from '../../src/checkpoint/read-tensor.ts';
import { diagnoseFailure } from '../../src/diagnose/engine.ts';
import { openSource } from '../../src/formats/open.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import { UnreadableError } from '../../src/io/errors.ts';
import { writeAs } from '../fix/outputs/files.ts';
import { Forge } from '../support/forge.ts';

/** One of each container that a download may cut. Longer ones are cut at every seventh byte: what differs is the record it falls in. */
const FILES = [
  'legacy/old_rebuild_tensor.pth',
  'legacy/python2.pth',
  'legacy/protocol_0.pth',
  'legacy/protocol_5.pth',
  'damaged/legacy_truncated.pth',
  'pickle/views.pkl',
  'pickle/big_endian_arrays.pkl',
  'tar/state_dict.tar',
  'nested/checkpoint.tar.gz',
];
const EVERY_BYTE = 2000;

/** Opens and reads everything; the error where that is not possible. */
async function readAll(bytes: Uint8Array): Promise<UnreadableError | undefined> {
  try {
    const checkpoint = await openSource(new MemorySource(bytes));
    for (const tensor of checkpoint.tensors) await readTensor(tensor);
    return checkpoint.damage[0];
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return error;
  }
}

describe('a file that is cut short', () => {
  it.each(FILES)('%s is told in one line, wherever it is cut', { timeout: 60_000 }, async (file) => {
    const bytes = readFileSync(`fixtures/${file}`);
    const step = bytes.length <= EVERY_BYTE ? 1 : 7;
    // what comes after the last byte that is read may be cut: tar and its blocks of zeros, the bytes behind STOP
    let harmless = 0;
    for (let length = 0; length < bytes.length; length += step) {
      const error = await readAll(bytes.subarray(0, length));
      if (error) expect(error.message).toMatch(/^[^\n]{20,400}$/);
      else harmless = Math.max(harmless, 1);
      if (error && harmless)
        throw new Error(`cut at ${length} is damage, although less is none: ${error.message}`);
    }
  });
});

describe('an archive whose directory is lost', () => {
  it('still tells what its pickle would run', async () => {
    const forge = new Forge();
    const root = forge.dict({ w: forge.tensor(1), call: forge.call('os.system', 'no-such-command') });
    const { bytes } = await writeAs('torch', forge.checkpoint(root));
    const cut = openSource(new MemorySource(bytes.subarray(0, bytes.length - 300)));
    const error = await cut.catch((reason: unknown) => reason);
    expect(diagnoseFailure(error).map(({ rule }) => rule)).toEqual([
      'safety/dangerous-call',
      'zip/truncated',
    ]);
  });
});
