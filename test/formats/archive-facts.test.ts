import { describe, expect, it } from 'vitest';
import { Archive } from '../../src/formats/archive.ts';
import { archiveFacts } from '../../src/formats/archive-facts.ts';
import { archiveOf, CountingSource, record } from '../zip/archives.ts';

async function factsOf(texts: Record<string, string>) {
  const records = Object.entries(texts).map(([name, text]) => record(name, Buffer.from(text, 'latin1')));
  const source = new CountingSource(
    await archiveOf('model', [record('data.pkl', Buffer.from('.')), ...records]),
  );
  const archive = await Archive.open(source);
  source.reads = 0;
  return { ...(await archiveFacts(archive)), reads: source.reads };
}

describe('archiveFacts', () => {
  it('knows what torch writes by its checksum, without a read', async () => {
    const facts = await factsOf({ byteorder: 'little', version: '3\n', '.storage_alignment': '64' });
    expect(facts).toEqual({
      version: '3\n',
      byteOrder: 'little',
      alignment: 64,
      headerFaults: [],
      distinctNames: 4,
      oddities: [],
      reads: 0,
    });
    expect(await factsOf({ byteorder: 'big', version: '2\n' })).toMatchObject({
      byteOrder: 'big',
      version: '2\n',
      reads: 0,
    });
  });

  it('reads what it does not know', async () => {
    const facts = await factsOf({ byteorder: 'LITTLE', version: '10\n', '.storage_alignment': '4096' });
    expect(facts).toMatchObject({ version: '10\n', byteOrder: 'LITTLE', alignment: 4096, reads: 3 });
  });

  it('says what is not there, and takes no number that is none', async () => {
    const facts = await factsOf({ '.storage_alignment': '-64' });
    expect(facts).toMatchObject({ version: undefined, byteOrder: undefined, alignment: undefined });
    expect((await factsOf({ '.storage_alignment': '0' })).alignment).toBeUndefined();
  });

  it('prefers the version that torch prefers, and reads no more than the start of a long one', async () => {
    expect((await factsOf({ version: '3\n', '.data/version': '6\n' })).version).toBe('6\n');
    expect((await factsOf({ version: `7${'x'.repeat(100_000)}` })).version).toHaveLength(256);
  });
});
