import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readTensor } from '../../src/checkpoint/read-tensor.ts';
import { openCheckpoint, openSource } from '../../src/formats/open.ts';
import { readTarDirectory } from '../../src/formats/tar-directory.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import { tarBlocks, tarHeader } from '../support/tar.ts';

const FILE = 'fixtures/tar/state_dict.tar';

describe('a tar of torch 0.1', () => {
  it('says what it is', async () => {
    expect((await openCheckpoint(FILE)).container).toEqual({
      kind: 'torch-tar',
      pickleProtocol: 2,
      byteOrder: 'little',
      entries: 4,
      era: 'torch 0.1.9 or older',
    });
  });

  it('shares the storages that its tensors share', async () => {
    const { tensors, storages } = await openCheckpoint(FILE);
    const [weight, tied, part, steps] = tensors;
    expect(tied?.storage).toBe(weight?.storage);
    expect(part?.storage).toBe(steps?.storage);
    expect(storages.map(({ location }) => location)).toEqual(['cuda:0', 'cpu']);
  });

  it('moves a tensor on a storage that views another', async () => {
    const { tensors } = await openCheckpoint(FILE);
    const part = tensors.find(({ name }) => name === 'part');
    expect(part?.storageOffset).toBe(2);
    expect([...((await readTensor(part as NonNullable<typeof part>)) as BigInt64Array)]).toEqual([9n, 10n]);
  });

  it('is damaged where its pickle names a tensor that is not there', async () => {
    const bytes = Buffer.from(readFileSync(FILE));
    bytes.write('99', bytes.indexOf('X\x02\x00\x00\x0033') + 5);
    await expect(openSource(new MemorySource(bytes))).rejects.toMatchObject({
      code: 'bad-archive',
      message: expect.stringContaining('its pickle names "99", which is no tensor of the archive'),
    });
  });

  it('is damaged where a storage claims more than the member holds', async () => {
    const bytes = Buffer.from(readFileSync(FILE));
    const header = bytes.indexOf(Buffer.from('0600000000000000', 'hex'), bytes.indexOf('FloatStorage'));
    bytes.writeBigInt64LE(2n ** 40n, header);
    await expect(openSource(new MemorySource(bytes))).rejects.toMatchObject({
      code: 'bad-archive',
      message: expect.stringContaining('says 1099511627776 elements, more than the member holds'),
    });
  });
});

describe('the directory of a tar', () => {
  it('lists regular files with their long names', async () => {
    const name = `${'folder/'.repeat(20)}model.pth`;
    const pax = `${name.length + 10} path=${name}\n`;
    const bytes = Buffer.concat([
      tarHeader('PaxHeader', 'x', pax.length),
      tarBlocks(pax),
      tarHeader('short', '0', 3),
      tarBlocks('abc'),
      tarHeader('link', '2', 0),
      tarHeader('old', '\0', 1),
      tarBlocks('z'),
      Buffer.alloc(1024),
    ]);
    expect(await readTarDirectory(new MemorySource(bytes))).toEqual([
      { name, offset: 1536, size: 3 },
      { name: 'old', offset: 3072, size: 1 },
    ]);
  });

  it('refuses a header whose checksum does not match', async () => {
    const bytes = Buffer.from(readFileSync(FILE));
    bytes[0] = 0x53;
    await expect(readTarDirectory(new MemorySource(bytes))).rejects.toMatchObject({
      code: 'bad-archive',
      message: expect.stringContaining('tar header at offset 0 is damaged'),
    });
  });
});
