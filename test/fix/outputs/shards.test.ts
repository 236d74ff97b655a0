import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Storage } from '../../../src/checkpoint/storage.ts';
import { diagnose } from '../../../src/diagnose/engine.ts';
import { fixCheckpoint } from '../../../src/fix/fix.ts';
import { shardNames } from '../../../src/fix/output-name.ts';
import type { OutputForm } from '../../../src/fix/outputs/output.ts';
import { planOutput } from '../../../src/fix/outputs/plan-output.ts';
import { openCheckpoint, openSource } from '../../../src/formats/open.ts';
import { MemorySource } from '../../../src/io/byte-source.ts';
import { RefusedError } from '../../../src/io/errors.ts';
import { PyList, type Value } from '../../../src/pickle/values.ts';
import { show } from '../../pickle/show.ts';
import { contents, Forge } from '../../support/forge.ts';
import { MemorySink } from '../../zip/memory-sink.ts';
import { workshop } from '../files.ts';

const { copy, beside, place } = workshop();
const MODEL = 'clean/state_dict.pth';

async function contentsOf(file: string) {
  const checkpoint = await openCheckpoint(file);
  try {
    return await contents(checkpoint);
  } finally {
    await checkpoint.close();
  }
}

describe('shardNames', () => {
  it('are those of transformers', () => {
    expect(shardNames('a/model.safetensors', 2)).toEqual([
      'a/model-00001-of-00002.safetensors',
      'a/model-00002-of-00002.safetensors',
      'a/model.safetensors.index.json',
    ]);
    expect(shardNames('pytorch_model.bin', 1).at(-1)).toBe('pytorch_model.bin.index.json');
  });
});

describe('fix --shard-size', () => {
  const forms: [OutputForm, string][] = [
    ['torch', 'state_dict.bin'],
    ['torch-legacy', 'state_dict.bin'],
    ['safetensors', 'state_dict.safetensors'],
  ];
  it.each(forms)(
    '%s: files and an index in which nothing is wrong, and the model again from them',
    async (to, name) => {
      const input = copy(MODEL);
      const result = await fixCheckpoint(input, { to, shardSize: 1500, verify: 'full' });
      const names = shardNames(path.join(path.dirname(input), name), 3);
      expect(result).toMatchObject({ output: names[3], files: names, verified: true, findingsAfter: [] });
      expect(beside(input)).toEqual(names.map((each) => path.basename(each)).sort());
      const index = await openCheckpoint(result.output);
      expect(index.sharding).toMatchObject({
        lostKeys: [],
        repeatedKeys: [],
        unlistedKeys: [],
        totalSize: { declared: 3800, found: 3800 },
      });
      // what a stream of the form before 1.6 has besides is advice
      expect(diagnose(index).filter(({ severity }) => severity !== 'info')).toEqual([]);
      await index.close();
      const before = await contentsOf(input);
      const merged = await fixCheckpoint(result.output, {
        output: path.join(place(), 'merged.pth'),
        to: 'torch',
        verify: 'full',
      });
      expect(await contentsOf(merged.output)).toEqual(before);
    },
  );

  it('writes the index as transformers does: keys sorted, two spaces, an end of line', async () => {
    const { output } = await fixCheckpoint(copy(MODEL), { to: 'safetensors', shardSize: 1500 });
    const text = readFileSync(output, 'utf8');
    const index = JSON.parse(text);
    expect(text).toBe(`${JSON.stringify(index, null, 2)}\n`);
    expect(Object.keys(index)).toEqual(['metadata', 'weight_map']);
    expect(index.metadata).toEqual({ total_size: 3800 });
    const keys = Object.keys(index.weight_map);
    expect(keys).toEqual([...keys].sort());
    expect(keys).toHaveLength(14);
    expect(index.weight_map['conv2.weight']).toBe('state_dict-00002-of-00003.safetensors');
  });

  it('uses the names that from_pretrained looks for in a folder that is there', async () => {
    const folder = path.join(place(), 'repository');
    mkdirSync(folder);
    await fixCheckpoint(copy(MODEL), { to: 'safetensors', shardSize: 3500, output: folder });
    await fixCheckpoint(copy(MODEL), { shardSize: 10_000, output: folder });
    expect(readdirSync(folder).sort()).toEqual([
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
      'model.safetensors.index.json',
      'pytorch_model.bin',
    ]);
  });

  it('writes one file and no index where everything fits', async () => {
    const input = copy(MODEL);
    const result = await fixCheckpoint(input, { to: 'safetensors', shardSize: 3800 });
    expect(beside(input)).toEqual(['state_dict.safetensors']);
    expect(result.plan.operations.at(-1)).toMatchObject({
      affected: 1,
      notes: ['everything fits into one file, which needs no index'],
    });
  });

  it('keeps what a state_dict says of its modules in each file, and in one file all that is no tensor', async () => {
    const make = () => {
      const forge = new Forge();
      const tensors = { a: forge.tensor(1), b: forge.tensor(2), flag: 3 };
      return forge.checkpoint(forge.stateDict(tensors, { '': 2 }));
    };
    const roots = async (limit: number) => {
      const { files } = await planOutput(make(), [], 'torch', limit);
      return Promise.all(
        files.map(async (file) => {
          const sink = new MemorySink(file.size);
          await file.write(sink, {});
          const written = await openSource(new MemorySource(sink.bytes));
          return show(written.root).replace(/ persistent.*?\)/g, '');
        }),
      );
    };
    const [one, ...more] = await roots(100);
    expect(more).toEqual([]);
    expect(one).toContain('"flag"');
    const shards = await roots(4);
    expect(shards).toHaveLength(2);
    for (const shard of shards) {
      expect(shard).toMatch(/^reduce <collections.OrderedDict>/);
      expect(shard).toContain('_metadata');
      expect(shard).not.toContain('"flag"');
    }
  });

  it('keeps in one file what shares a storage, and says which files are larger for it', async () => {
    const make = () => {
      const forge = new Forge();
      const shared = forge.floats(1, 2, 3, 4);
      const part = (storageOffset: number) => forge.view(shared, { shape: [2], storageOffset });
      return forge.checkpoint(forge.dict({ a: forge.tensor(1), q: part(0), b: forge.tensor(2), k: part(2) }));
    };
    const plan = await planOutput(make(), [], 'torch', 8);
    const index = JSON.parse(plan.index?.text(['1', '2', '3']) ?? '');
    expect(index).toEqual({
      metadata: { total_size: 24 },
      weight_map: { a: '1', q: '2', k: '2', b: '3' },
    });
    expect(plan.operations.at(-1)?.notes).toEqual([
      '1 file larger than that: a tensor, or tensors that share a storage, are not parted',
    ]);
    // in safetensors they are tensors of their own
    const parted = await planOutput(make(), [], 'safetensors', 8);
    expect(JSON.parse(parted.index?.text(['1', '2', '3', '4']) ?? '').weight_map).toEqual({
      a: '1',
      q: '2',
      b: '3',
      k: '4',
    });
  });

  it('law: every tensor is in one file, and no file with more than one storage passes the limit', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ length: fc.nat({ max: 9 }), again: fc.boolean() }), {
          minLength: 1,
          maxLength: 12,
        }),
        fc.integer({ min: 1, max: 80 }),
        async (parts, limit) => {
          const forge = new Forge();
          const entries: Record<string, Value> = {};
          const storages: Storage[] = [];
          let storage = forge.floats(0);
          for (const [index, { length, again }] of parts.entries()) {
            if (!again) storage = forge.floats(...Array(length).fill(index));
            storages.push(storage);
            entries[`w${index}`] = forge.view(storage, { shape: [storage.numel] });
          }
          const plan = await planOutput(forge.checkpoint(forge.dict(entries)), [], 'torch', limit);
          const names = plan.files.map((_, index) => String(index));
          const map: Record<string, string> = plan.index
            ? JSON.parse(plan.index.text(names)).weight_map
            : Object.fromEntries(Object.keys(entries).map((key) => [key, '0']));
          expect(Object.keys(map).sort()).toEqual(Object.keys(entries).sort());
          for (const name of names) {
            const held = new Set(
              parts.flatMap((_, i) => (map[`w${i}`] === name ? [storages[i] as Storage] : [])),
            );
            const bytes = [...held].reduce((sum, each) => sum + each.bytes, 0);
            expect(held.size === 1 || (held.size > 1 && bytes <= limit)).toBe(true);
          }
        },
      ),
      { numRuns: 60 },
    ));

  it('refuses what is no dict of tensors, and leaves out what is none', async () => {
    const forge = new Forge();
    const list = planOutput(forge.checkpoint(new PyList([forge.tensor(1)])), [], 'torch', 100);
    await expect(list).rejects.toThrow(/a checkpoint in several files is one dict of tensors by name/);
    const other = new Forge();
    const plan = await planOutput(
      other.checkpoint(other.dict({ w: other.tensor(1), v: other.tensor(2), epoch: 3 })),
      [],
      'torch',
      4,
    );
    expect(plan.operations.at(-1)?.notes[0]).toBe('what is no tensor is left out: epoch');
  });

  it('writes nothing where one of the names is taken, and replaces all of them with force', async () => {
    const input = copy(MODEL);
    const [first = '', second = '', third = '', index = ''] = shardNames(
      input.replace('.pth', '.safetensors'),
      3,
    );
    writeFileSync(second, 'mine');
    const options = { to: 'safetensors', shardSize: 1500 } as const;
    await expect(fixCheckpoint(input, options)).rejects.toThrow(RefusedError);
    expect(beside(input)).toEqual([path.basename(second)]);
    writeFileSync(index, 'old');
    await fixCheckpoint(input, { ...options, force: true });
    expect(beside(input)).toEqual([first, second, third, index].map((each) => path.basename(each)).sort());
    expect(readFileSync(second, 'latin1')).toContain('conv2.weight');
  });

  it('never writes over a file that it reads from', async () => {
    const folder = place();
    const output = path.join(folder, 'model.safetensors');
    const { output: index } = await fixCheckpoint(copy(MODEL), {
      to: 'safetensors',
      shardSize: 1500,
      output,
    });
    const again = { to: 'safetensors', shardSize: 2000, output, force: true } as const;
    const before = readdirSync(folder);
    await expect(fixCheckpoint(index, again)).rejects.toThrow(/is the input itself/);
    expect(readdirSync(folder)).toEqual(before);
    const shard = path.join(folder, 'model-00001-of-00003.safetensors');
    await expect(fixCheckpoint(index, { to: 'safetensors', output: shard, force: true })).rejects.toThrow(
      /is the input itself/,
    );
  });
});
