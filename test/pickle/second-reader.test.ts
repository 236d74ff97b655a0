import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../src/formats/open.ts';
import { atPath, parseForeign } from '../support/pickleparser.ts';
import { encode } from './stream.ts';

const FILES = [
  'clean/state_dict.pth',
  'clean/tied_weights.pth',
  'clean/views.pth',
  'clean/strides.pth',
  'clean/adam_and_scheduler.pth',
  'clean/list_of_tensors.pt',
  'clean/bare_tensor.pt',
  'broken/ddp_cuda.pth',
  'broken/ddp_cuda_protocol_4.pth',
];

describe('pickleparser reads what we write', () => {
  it.each(FILES)('of %s', async (file) => {
    const checkpoint = await openCheckpoint(`fixtures/${file}`);
    const root = parseForeign(await encode(checkpoint.root));
    expect(checkpoint.tensors.length).toBeGreaterThan(0);
    for (const { path, storage, storageOffset, shape, stride } of checkpoint.tensors) {
      expect(atPath(root, path)).toMatchObject({
        storageClass: storage?.storageClass.qualifiedName,
        key: storage?.key,
        location: storage?.location,
        numel: storage?.numel,
        offset: storageOffset,
        size: shape,
        stride,
      });
    }
    await checkpoint.close();
  });
});
