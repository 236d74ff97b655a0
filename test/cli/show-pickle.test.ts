import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkpointRecords, madeZip } from '../support/made-zip.ts';
import { called, checkpointPickle, stream } from '../support/pickle-stream.ts';
import { schemaValidator } from '../support/schema.ts';
import { brokenPipe, MemoryStream, run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'ckpt-doctor-show-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const EVIL = checkpointPickle([], [...called('posix', 'system', 'echo'), 'POP']);

describe('show-pickle', () => {
  it('lists opcodes as pickletools does, and says what would be called', async () => {
    const { code, stdout, stderr } = await run([
      'show-pickle',
      file('evil.pth', madeZip(checkpointRecords(EVIL))),
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines[0]).toBe('    0: \\x80 PROTO      2');
    expect(lines[1]).toBe('    2: c    GLOBAL     posix system  # imports posix.system (dangerous)');
    expect(lines[4]).toBe('   26: R    REDUCE  # calls posix.system');
    expect(lines.at(-2)).toMatch(/^ *\d+: \. {4}STOP$/);
  });

  it('writes values as Python would, and calls nothing', async () => {
    const path = file('values.pth', madeZip(checkpointRecords(checkpointPickle())));
    const { stdout } = await run(['show-pickle', '--values', path]);
    expect(stdout).toContain("'w': torch._utils._rebuild_tensor_v2(\n");
    expect(stdout).toContain("persistent(('storage', torch.FloatStorage, '0', 'cpu', 6)),\n");
  });

  it('names what is shared once, and ends on what holds itself', async () => {
    const { stdout } = await run(['show-pickle', '--values', 'fixtures/clean/recursive.pt']);
    expect(stdout).toMatch(/#1 = \[/);
    expect(stdout).toMatch(/<see #1>/);
  });

  it('shows a record that torch does not read, and says which there are', async () => {
    const path = file(
      'two.pth',
      madeZip([...checkpointRecords(), { name: 'archive/other.pkl', content: EVIL }]),
    );
    expect((await run(['show-pickle', path, 'other.pkl'])).stdout).toContain('posix system');
    expect((await run(['show-pickle', path, 'archive/other.pkl'])).stdout).toContain('posix system');
    const missing = await run(['show-pickle', path, 'none.pkl']);
    expect(missing.code).toBe(2);
    expect(missing.stderr).toMatch(
      /^ckpt-doctor: .*two\.pth: the archive has no record 'none\.pkl'; it has archive\/data\.pkl, archive\/other\.pkl\n$/,
    );
  });

  it('shows all pickles of a legacy file', async () => {
    const { code, stdout, stderr } = await run(['show-pickle', 'fixtures/legacy/state_dict.pth']);
    expect(code).toBe(0);
    expect(stdout.match(/STOP/g)).toHaveLength(5);
    expect(stdout).toContain('\npickle 5, from byte ');
    expect(stderr).toMatch(/^\d+ bytes follow, which are no pickle\n$/);
  });

  it('shows a damaged stream up to where it breaks, and ends with 2', async () => {
    const path = file('broken.pkl', Buffer.concat([EVIL.subarray(0, 27), Buffer.of(0xfe)]));
    const { code, stdout, stderr } = await run(['show-pickle', path]);
    expect(code).toBe(2);
    expect(stdout).toContain('# calls posix.system');
    expect(stderr).toContain('byte 0xfe at offset 27 is no opcode');
  });

  it('writes no text of the file as it is', async () => {
    const name = '\u001b[31mred\u202e';
    const length = Buffer.alloc(4);
    length.writeUInt32LE(Buffer.byteLength(name));
    const path = file(
      'escape.pkl',
      stream('PROTO', { bytes: [2] }, 'BINUNICODE', length, Buffer.from(name), 'STOP'),
    );
    for (const flags of [[], ['--values']]) {
      const { stdout } = await run(['show-pickle', path, ...flags]);
      expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
      expect(stdout).toContain('\\e[31mred\\u202e');
    }
  });

  it('ends quietly when the reader has gone', async () => {
    const stdout = new MemoryStream();
    stdout.fault = brokenPipe();
    expect(await run(['show-pickle', 'fixtures/clean/state_dict.pth'], { stdout })).toMatchObject({
      stderr: '',
    });
  });
});

describe('show-pickle --format json', () => {
  const complaints = schemaValidator('show-pickle');
  const json = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(['show-pickle', '--format', 'json', ...args]);
    const document = JSON.parse(stdout);
    expect(complaints(document)).toEqual([]);
    return { code, stderr, document };
  };

  it('lists opcodes with what would be imported and called', async () => {
    const path = file('json.pth', madeZip(checkpointRecords(EVIL)));
    const { code, document } = await json(path);
    expect(code).toBe(0);
    expect(document).toMatchObject({ schema: 'ckpt-doctor/show-pickle/1', record: 'data.pkl' });
    const [{ offset, bytes, opcodes }] = document.pickles;
    expect({ offset, bytes }).toEqual({ offset: 0, bytes: EVIL.length });
    expect(opcodes.slice(0, 2)).toEqual([
      { offset: 0, opcode: 'PROTO', argument: 2 },
      {
        offset: 2,
        opcode: 'GLOBAL',
        argument: 'posix system',
        import: { name: 'posix.system', tier: 'danger' },
      },
    ]);
    expect(opcodes[4]).toEqual({
      offset: 26,
      opcode: 'REDUCE',
      call: { name: 'posix.system', tier: 'danger' },
    });
    expect(opcodes.at(-1)).toEqual({ offset: EVIL.length - 1, opcode: 'STOP' });
  });

  it('keeps all pickles of a legacy file, and counts what follows', async () => {
    const { document } = await json('fixtures/legacy/state_dict.pth');
    expect(document.pickles).toHaveLength(5);
    expect(document.trailingBytes).toBeGreaterThan(0);
  });

  it.each([
    [[], 1, 5],
    [['--values'], 0, undefined],
  ])('ends a stream that breaks with an error, behind what it held: %j', async (flags, pickles, opcodes) => {
    const path = file('broken-json.pkl', Buffer.concat([EVIL.subarray(0, 27), Buffer.of(0xfe)]));
    const { code, stderr, document } = await json(path, ...flags);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^ckpt-doctor: .*broken-json\.pkl: /);
    expect(document.error).toMatchObject({ code: 'bad-pickle', offset: 27 });
    expect(document.pickles).toHaveLength(pickles);
    expect(document.pickles[0]?.opcodes.length).toBe(opcodes);
    expect(document.pickles[0]?.bytes).toBeUndefined();
  });

  it('is a document of a file that can not be opened too', async () => {
    const { code, document } = await json(join(folder, 'none.pkl'));
    expect(code).toBe(2);
    expect(document).toMatchObject({ pickles: [], error: { code: 'not-found' } });
  });

  it('has values as a flat list in which what is shared stands once', async () => {
    const { document } = await json('--values', 'fixtures/clean/recursive.pt');
    const [{ root, nodes }] = document.pickles;
    expect(root).toEqual({ node: 0 });
    expect(nodes[2]).toEqual({
      id: 2,
      type: 'dict',
      items: [
        ['name', 'loop'],
        ['self', { node: 2 }],
      ],
    });
    expect(nodes.map(({ id }: { id: number }) => id)).toEqual([...nodes.keys()]);
  });

  it('holds to its schema for every pickle of the fixtures', async () => {
    let whole = 0;
    for (const kind of ['clean', 'broken', 'pickle', 'legacy'])
      for (const name of readdirSync(`fixtures/${kind}`))
        for (const flags of [[], ['--values']]) {
          const { code, document } = await json(...flags, `fixtures/${kind}/${name}`);
          expect('error' in document, name).toBe(code === 2);
          if (code === 0) whole++;
        }
    expect(whole).toBeGreaterThan(200);
  });

  it('goes a million deep without a word of its own', async () => {
    const path = file(
      'deep.pkl',
      Buffer.concat([Buffer.from('N'), Buffer.alloc(1_000_000, 0x85), Buffer.from('.')]),
    );
    const { code, document } = await json('--values', path);
    expect(code).toBe(0);
    expect(document.pickles[0].nodes).toHaveLength(1_000_000);
  });
});

describe('inspect --explain-globals', () => {
  it('names every import with its tier, and the calls in order', async () => {
    const path = file('explain.pth', madeZip(checkpointRecords(EVIL)));
    const { stdout } = await run(['inspect', '--explain-globals', path]);
    expect(stdout).toContain('1  posix.system · dangerous · first at 2 of data.pkl');
    expect(stdout).toContain('1  torch._utils._rebuild_tensor_v2 · weights_only takes it · first at ');
    expect(stdout).toMatch(
      /in this order\n {2}posix\.system\(\) · REDUCE at 26 of data\.pkl\n {2}collections\.OrderedDict\(\) · REDUCE at \d+ of data\.pkl\n/,
    );
  });

  it('says it in JSON too, of a file that breaks as well', async () => {
    const path = file('cut.pkl', EVIL.subarray(0, 40));
    const { code, stdout } = await run(['inspect', '--explain-globals', '--format', 'json', path]);
    expect(code).toBe(2);
    expect(JSON.parse(stdout).loading).toMatchObject({
      moreCalls: 0,
      globals: [{ name: 'posix.system', tier: 'danger', weightsOnly: false, count: 1, offset: 2 }],
      calls: [{ name: 'posix.system', tier: 'danger', opcode: 'REDUCE', offset: 26, count: 1 }],
    });
  });
});
