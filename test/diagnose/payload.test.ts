import { readFileSync } from 'node:fs';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readTensor } from '../../src/checkpoint/read-tensor.ts';
import { diagnose } from '../../src/diagnose/engine.ts';
import { examinePayload } from '../../src/diagnose/payload.ts';
import { isSmall } from '../../src/diagnose/small-file.ts';
import { openCheckpoint, openSource } from '../../src/formats/open.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import { checkpointRecords, type MadeRecord, madeZip } from '../support/made-zip.ts';
import { CountingSource } from '../zip/archives.ts';
import { fixturePath } from './fixtures.ts';

const factsOf = async (file: string) => {
  const checkpoint = await openCheckpoint(fixturePath(file));
  const facts = await examinePayload(checkpoint, { crc: true });
  await checkpoint.close();
  return facts;
};

describe('examinePayload', () => {
  it('names the storage whose bytes changed', async () => {
    const { checksums, headers } = await factsOf('damaged/crc_wrong.pth');
    expect(checksums?.faults).toHaveLength(1);
    expect(checksums?.faults[0]).toMatchObject({ record: 'data/0', storage: { key: '0' } });
    expect(checksums?.faults[0]?.found).not.toBe(checksums?.faults[0]?.declared);
    expect(headers).toEqual([]);
  });

  it('inflates what is deflated, and finds nothing in whole files', async () => {
    for (const file of ['clean/rezipped_deflated.pth', 'clean/state_dict.pth', 'torch-1.13/state_dict.pth']) {
      const { checksums } = await factsOf(file);
      expect(checksums?.checked).toBeGreaterThan(14);
      expect(checksums?.faults).toEqual([]);
    }
  });

  it('calls a deflated record that does not inflate damaged', async () => {
    const bytes = readFileSync(fixturePath('clean/rezipped_deflated.pth'));
    const whole = await openSource(new CountingSource(bytes));
    const record = whole.records.find(({ name, method }) => name === 'data/0' && method === 8);
    bytes.fill(0xff, record?.dataOffset as number, (record?.dataOffset as number) + 8);
    const damaged = await openSource(new CountingSource(bytes));
    const { checksums } = await examinePayload(damaged, { crc: true });
    expect(checksums?.faults).toMatchObject([{ record: 'data/0', found: undefined }]);
  });

  it('does not take absent checksums for wrong ones', async () => {
    const { checksums } = await factsOf('clean/crc_off.pth');
    expect(checksums).toEqual({ checked: 0, faults: [] });
  });

  it('tells how far it is, to the last byte', async () => {
    const checkpoint = await openCheckpoint(fixturePath('clean/state_dict.pth'));
    const seen: [number, number][] = [];
    await examinePayload(checkpoint, { crc: true, onProgress: (read, total) => seen.push([read, total]) });
    await checkpoint.close();
    const [read, total] = seen.at(-1) as [number, number];
    expect(read).toBe(total);
    expect(seen.map(([done]) => done)).toEqual(seen.map(([done]) => done).sort((a, b) => a - b));
  });

  it('reads nothing that was not asked for, and nothing of what has no checksums', async () => {
    const large = { name: 'archive/extra', content: Buffer.alloc(200_000, 7) };
    const source = new CountingSource(madeZip([...checkpointRecords(), large]));
    const checkpoint = await openSource(source);
    const before = source.reads;
    expect(isSmall(checkpoint)).toBe(false);
    expect(await examinePayload(checkpoint)).toEqual({ sparse: [] });
    expect(source.reads).toBe(before);
    expect(await factsOf('legacy/state_dict.pth')).toEqual({ sparse: [] });
  });

  it('holds the checksums of a small file against it without being asked', async () => {
    const [pickle, storage, version] = checkpointRecords() as [MadeRecord, MadeRecord, MadeRecord];
    const checkpoint = await openSource(
      new MemorySource(madeZip([pickle, { ...storage, crc32: 1 }, version])),
    );
    expect(isSmall(checkpoint)).toBe(true);
    const { checksums } = await examinePayload(checkpoint);
    expect(checksums?.faults.map(({ record }) => record)).toEqual(['data/0']);
  });

  it('holds the checksums of a large file against it where its numbers are looked at', async () => {
    const [pickle, storage, version] = checkpointRecords() as [MadeRecord, MadeRecord, MadeRecord];
    const large = { name: 'archive/extra', content: Buffer.alloc(200_000, 7) };
    const checkpoint = await openSource(
      new MemorySource(madeZip([pickle, { ...storage, crc32: 1 }, version, large])),
    );
    expect(isSmall(checkpoint)).toBe(false);
    const { checksums, headers } = await examinePayload(checkpoint, { values: true });
    expect(checksums?.faults.map(({ record }) => record)).toEqual(['data/0']);
    expect(headers).toEqual([]);
  });

  it('does not inflate a small file to a large one', async () => {
    const zeros = { name: 'archive/extra', content: deflateRawSync(Buffer.alloc(17 * 2 ** 20)), method: 8 };
    const bytes = madeZip([...checkpointRecords(), { ...zeros, size: 17 * 2 ** 20 }]);
    expect(isSmall(await openSource(new MemorySource(bytes)))).toBe(false);
  });
});

describe('zip/crc-mismatch', () => {
  it('names the tensors that were hit, and only where the bytes were read', async () => {
    const checkpoint = await openCheckpoint(fixturePath('damaged/crc_wrong.pth'));
    const of = (findings: ReturnType<typeof diagnose>) =>
      findings.filter(({ rule }) => rule === 'zip/crc-mismatch');
    expect(of(diagnose(checkpoint))).toEqual([]);
    const payload = await examinePayload(checkpoint, { crc: true });
    const [finding] = of(diagnose(checkpoint, { payload }));
    expect(finding).toMatchObject({ severity: 'error', subjects: ['conv1.weight'], fix: [] });
    expect(finding?.message).toContain('(data/0)');
    await checkpoint.close();
  });

  it.each(['package.pt', 'exported.pt2', 'exported_2_5.pt2', 'traced.pt', 'model_json.pt'])(
    'sees a byte that changed in a tensor of %s',
    async (name) => {
      const bytes = readFileSync(fixturePath(`containers/${name}`));
      const { tensors } = await openSource(new MemorySource(bytes));
      const places = new Set<number>();
      for (const tensor of tensors) {
        const { buffer, byteOffset, byteLength } = await readTensor(tensor);
        const content = Buffer.from(buffer, byteOffset, byteLength);
        const at = bytes.indexOf(content);
        // a few zeros stand anywhere
        if (byteLength >= 8 && at > 0 && at === bytes.lastIndexOf(content)) places.add(at);
      }
      expect(places.size).toBeGreaterThan(0);
      for (const at of places) {
        const changed = Buffer.from(bytes);
        changed[at + 1] = (changed[at + 1] as number) ^ 1;
        const checkpoint = await openSource(new MemorySource(changed));
        const payload = await examinePayload(checkpoint, { crc: true });
        const found = diagnose(checkpoint, { payload }).filter(({ rule }) => rule === 'zip/crc-mismatch');
        expect(found).toHaveLength(1);
        expect(found[0]).toMatchObject({ severity: 'error' });
        expect(found[0]?.message).toMatch(/^1 of \d+ records does not match/);
      }
    },
  );

  it('holds the pickle against its checksum without being asked', async () => {
    const checkpoint = await openCheckpoint(fixturePath('archives/pickle_crc.pth'));
    const [finding] = diagnose(checkpoint).filter(({ rule }) => rule === 'zip/crc-mismatch');
    expect(finding).toMatchObject({ severity: 'warning', subjects: ['data.pkl'] });
    await checkpoint.close();
  });
});
