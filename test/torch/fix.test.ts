import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FIXTURES, type Fixture, fixturePath, type Run, run } from './program.ts';
import { type KeyChange, pythonWithOldTorch, pythonWithTorch, Torch } from './torch.ts';

/**
 * These keep what weights_only refuses: a tuple that holds itself needs an opcode that it lacks, and numpy arrays stay numpy arrays.
 * They are judged without it.
 */
const REFUSED = ['clean/recursive_tuple.pt', 'broken/xla_arrays.pth'];
/** Values of these classes are kept too: no flag used here takes them away. */
const REFUSED_GLOBALS =
  /^globals\/(numpy-value|numpy2|not-allowlisted|config-object|platform-path|project-class|main-module)$/;
/** Storages that view another are gone in what is written: their tensors stand on the other, further on. */
const VIEWED = ['legacy/storage_views.pth', 'tar/state_dict.tar'];
const LOADED = FIXTURES.filter(({ tensors }) => tensors);
const PREFIXED = LOADED.filter(({ findings }) => findings.includes('keys/module-prefix'));
const WRAPPERS = ['module.', '_orig_mod.', '_fsdp_wrapped_module.', '_checkpoint_wrapped_module.'];
const COLLISION = 'broken/prefix_collision.pth';
const PARTIAL = 'broken/prefix_partial.pth';

const folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-fix-'));
let torch: Torch;
let old: Torch | undefined;

beforeAll(async () => {
  torch = await Torch.start(pythonWithTorch());
  const oldPython = pythonWithOldTorch();
  if (oldPython) old = await Torch.start(oldPython);
});

afterAll(() => {
  torch?.stop();
  old?.stop();
  rmSync(folder, { recursive: true });
});

interface Fixed extends Run {
  readonly output: string;
}

let runs = 0;

/** Fixes a fixture into a folder of its own, under its own name, so that the root folder of the archive may stay. */
async function fix(file: string, ...operations: string[]): Promise<Fixed> {
  const target = path.join(folder, String(runs++));
  mkdirSync(target);
  const output = path.join(target, path.basename(file));
  return { ...(await run('fix', fixturePath(file), ...operations, '-o', output)), output };
}

async function fixedWell(
  fixture: Fixture,
  change: KeyChange | undefined,
  operations: string[],
): Promise<string> {
  const fixed = await fix(fixture.file, ...operations);
  expect(fixed, fixed.stderr).toMatchObject({ status: 0 });
  await judged(fixture, fixed.output, change);
  return fixed.output;
}

async function judged(fixture: Fixture, output: string, change?: KeyChange, moved = false): Promise<void> {
  const before = fixturePath(fixture.reference ?? fixture.file);
  const refused =
    REFUSED.includes(fixture.file) || fixture.findings.some((rule) => REFUSED_GLOBALS.test(rule));
  const restricted = !refused && !fixture.findings.includes('content/whole-module');
  const laid = !moved && !VIEWED.includes(fixture.file);
  const options = { trust: true, restricted, laid, ...(change && { change }) };
  expect(await torch.compare(before, output, options)).not.toHaveProperty('faults');
  // torch 1.13 takes every archive for a little-endian one
  if (!old || fixture.findings.includes('zip/byteorder')) return;
  const loads = await old.ask({ do: 'load', file: before, trust: true });
  if (!loads.faults) expect(await old.compare(before, output, options)).not.toHaveProperty('faults');
}

describe('fix --map-location cpu', () => {
  it.concurrent.each(LOADED)('$file', async (fixture) => {
    await fixedWell(fixture, undefined, ['--map-location', 'cpu']);
  });

  it('heals what torch refuses for a local header that nobody needs', async () => {
    const fixed = await fix('damaged/local_header_damaged.pth', '--map-location', 'cpu');
    expect(fixed, fixed.stderr).toMatchObject({ status: 0 });
    await judged(named('clean/state_dict.pth'), fixed.output);
  });
});

describe('fix --map-location with a map', () => {
  it.concurrent.each(
    LOADED.filter(({ locations }) => Object.keys(locations ?? {}).some((tag) => /^cuda:\d$/.test(tag))),
  )('$file', async (fixture) => {
    await fixedWell(fixture, undefined, ['--map-location', 'cuda:0=cpu,cuda:1=cpu']);
  });

  it('leaves the locations that it does not name', async () => {
    const { output, status } = await fix('broken/two_gpus.pth', '--map-location', 'cuda:0=cpu');
    expect(status).toBe(0);
    const document = JSON.parse((await run('inspect', '--format', 'json', output)).stdout);
    expect(Object.keys(document.totals.byLocation).sort()).toEqual(['cpu', 'cuda:1']);
    expect((await torch.compare(fixturePath('broken/two_gpus.pth'), output)).faults?.[0]).toContain('CUDA');
  });
});

describe('fix --strip-module', () => {
  it.concurrent.each(PREFIXED.filter(({ file }) => file !== COLLISION))('$file', async (fixture) => {
    await fixedWell(fixture, { strip: ['module.'] }, ['--map-location', 'cpu', '--strip-module']);
  });

  it('refuses to make two keys one, names both, and writes nothing', async () => {
    const { status, stderr, output } = await fix(COLLISION, '--strip-module');
    expect(status).toBe(2);
    expect(stderr).toMatch(/^ckpt-doctor: /);
    expect(stderr).toContain('module.weight');
    expect(readdirSync(path.dirname(output))).toEqual([]);
  });
});

describe('fix --strip-prefix and --add-prefix', () => {
  const plain = [
    'clean/state_dict.pth',
    'clean/adam_and_scheduler.pth',
    'clean/tied_weights.pth',
    'clean/views.pth',
    'clean/many_memo_entries.pth',
    'torch-1.13/state_dict.pth',
  ].map(named);

  it.concurrent.each(plain)('adds a prefix to $file', async (fixture) => {
    await fixedWell(fixture, { add: 'module.' }, ['--add-prefix', 'module.']);
  });

  it.concurrent.each(plain)('takes it off again: $file', async (fixture) => {
    const prefixed = await fix(fixture.file, '--add-prefix', 'net.');
    const back = path.join(path.dirname(prefixed.output), 'back.pth');
    expect(await run('fix', prefixed.output, '--strip-prefix', 'net.', '-o', back)).toMatchObject({
      status: 0,
    });
    await judged(fixture, back);
  });

  it('strips any prefix, anchored at the start', async () => {
    await fixedWell(named('clean/inner_module_names.pth'), { strip: ['encoder.'] }, [
      '--strip-prefix',
      'encoder.',
    ]);
  });
});

describe('fix --auto', () => {
  // no operation heals dtypes of itself: which one is wanted is the user's choice
  const healable = LOADED.filter(
    ({ findings, file }) =>
      findings.some((rule) => !rule.startsWith('dtype/')) &&
      // --auto takes the state_dict out of these
      !findings.includes('content/whole-module') &&
      ![COLLISION, PARTIAL].includes(file),
  );

  it.concurrent.each(healable)('$file', async (fixture) => {
    const { findings } = fixture;
    const wrapped = findings.some((rule) => /^keys\/(module|compile|fsdp)-prefix$/.test(rule));
    const fixed = await fix(fixture.file, '--auto');
    expect(fixed, fixed.stderr).toMatchObject({ status: 0 });
    const change = wrapped ? { remove: WRAPPERS } : undefined;
    if (/^ {2}safe /m.test(fixed.stdout)) {
      const options = { trust: true, safe: true, ...(change && { change }) };
      const before = fixturePath(fixture.reference ?? fixture.file);
      expect(await torch.compare(before, fixed.output, options)).not.toHaveProperty('faults');
      return;
    }
    await judged(fixture, fixed.output, change, findings.includes('storage/oversized'));
  });

  it.each([COLLISION, PARTIAL])('leaves a prefix that only some keys have: %s', async (file) => {
    await fixedWell(named(file), undefined, ['--auto', '--map-location', 'cpu']);
  });
});

describe('an unchanged value graph', () => {
  // in these the archive is laid out otherwise than torch 2.13 does it by default, and comes out as torch does
  const otherLayout = /alignment|crc_off|saved_to_file_object|big_endian|rezipped|torch-1\.13|^archives\//;
  const cpuOnly = LOADED.filter(
    ({ file, plain, locations }) =>
      plain === 'ok' &&
      // a data.pkl of theirs, or none
      !/^(legacy|pickle|tar|nested)\//.test(file) &&
      !file.includes('protocol') &&
      file !== 'damaged/crc_wrong.pth' &&
      Object.keys(locations ?? {}).every((tag) => tag === 'cpu'),
  );

  // here Python held two objects for equal strings, and these may be written once
  const equalStrings =
    /prefix_nested|half_and_bfloat16|quantized_linear|conj_and_neg|dtensor|keys_of_all|containers|compiled_beside_ddp|weight_norm|half_with_float_ema/;

  it.concurrent.each(cpuOnly)("$file: torch's own data.pkl, or the whole archive", async ({ file }) => {
    const { output, status } = await fix(file, '--map-location', 'cpu');
    expect(status).toBe(0);
    const shape = equalStrings.test(file) ? 'meaning' : 'bytes';
    const [before, after] = await Promise.all(
      [fixturePath(file), output].map((each) => torch.ask({ do: 'pickle', file: each })),
    );
    expect(before?.[shape]).toMatch(/^[0-9a-f]{64}$/);
    expect(after?.[shape]).toBe(before?.[shape]);
    if (otherLayout.test(file) || equalStrings.test(file)) return;
    expect(readFileSync(output).equals(readFileSync(fixturePath(file)))).toBe(true);
  });
});

function named(file: string): Fixture {
  const fixture = FIXTURES.find((each) => each.file === file);
  if (!fixture) throw new Error(`no fixture ${file}`);
  return fixture;
}
