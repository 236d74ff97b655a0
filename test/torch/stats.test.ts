import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../src/formats/open.ts';
import { computeStatistics } from '../../src/numeric/statistics.ts';
import type { StatsEntry } from '../../src/report/stats-document.ts';
import { statsEntry } from '../../src/report/stats-document.ts';
import { pythonWithTorch } from './torch.ts';

const MAKER = fileURLToPath(new URL('./stats.py', import.meta.url));
const BINS = 16;
const TOLERANCE = 1e-12;

/** What torch finds in the numbers of one tensor. What is not there, torch has no answer for. */
interface Expected {
  readonly count: number;
  readonly nan: number;
  readonly positiveInfinity: number;
  readonly negativeInfinity: number;
  readonly zeros: number;
  readonly subnormals?: number;
  readonly casts?: StatsEntry['casts'];
  readonly min?: number | string;
  readonly max?: number | string;
  readonly mean?: number | null;
  readonly exactMean?: number | null;
  /** Mean of the sizes: what an error of the mean is relative to. */
  readonly size?: number | null;
  readonly std?: number | null;
  readonly exactStd?: number | null;
  readonly l2Norm?: number | null;
  readonly histogram?: readonly number[];
}

const folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-stats-'));
const file = path.join(folder, 'numbers.pth');
let expected: Readonly<Record<string, Expected>>;
let entries: ReadonlyMap<string, StatsEntry>;

beforeAll(async () => {
  const told = execFileSync(pythonWithTorch(), [MAKER, file, String(BINS)], { maxBuffer: 2 ** 26 });
  expected = JSON.parse(told.toString());
  const checkpoint = await openCheckpoint(file);
  const statistics = await computeStatistics(checkpoint.tensors, { bins: BINS });
  await checkpoint.close();
  entries = new Map(
    statistics
      .map(statsEntry)
      .map((entry) => [entry.part ? `${entry.name} ${entry.part}` : entry.name, entry]),
  );
});

afterAll(() => rmSync(folder, { recursive: true }));

/** What differs, in words: one test for hundreds of tensors has to say which. */
function complaints(check: (theirs: Expected, ours: StatsEntry) => string[]): string[] {
  return Object.entries(expected).flatMap(([name, theirs]) =>
    check(theirs, entries.get(name) as StatsEntry).map((complaint) => `${name}: ${complaint}`),
  );
}

function differs(what: string, ours: unknown, theirs: unknown): string[] {
  const same = JSON.stringify(ours) === JSON.stringify(theirs);
  return same ? [] : [`${what} is ${JSON.stringify(ours)}, torch has ${JSON.stringify(theirs)}`];
}

function strays(
  what: string,
  ours: number | null,
  theirs: number | null | undefined,
  scale: number,
): string[] {
  if (theirs === undefined || theirs === null) return [];
  const isNear = ours !== null && Math.abs(ours - theirs) <= TOLERANCE * scale + 2 * Number.MIN_VALUE;
  return isNear ? [] : [`${what} is ${ours}, torch has ${theirs}`];
}

describe('statistics are those of torch', () => {
  it('of every tensor that it saved', () => {
    expect([...entries.keys()].sort()).toEqual(Object.keys(expected).sort());
    expect(entries.size).toBeGreaterThan(150);
  });

  it('in every count', () => {
    const names = ['count', 'nan', 'positiveInfinity', 'negativeInfinity', 'zeros'] as const;
    expect(
      complaints((theirs, ours) => [
        ...names.flatMap((name) => differs(name, ours[name], theirs[name])),
        ...(theirs.subnormals === undefined ? [] : differs('subnormals', ours.subnormals, theirs.subnormals)),
      ]),
    ).toEqual([]);
  });

  it('in what a cast would do', () => {
    expect(complaints((theirs, ours) => differs('casts', ours.casts, theirs.casts))).toEqual([]);
  });

  it('in the smallest and the largest number', () => {
    const shown = (value: number | string | undefined | null) =>
      value === undefined || value === null ? null : String(Number(value) === 0 ? 0 : value);
    expect(
      complaints((theirs, ours) => [
        ...differs('min', shown(ours.min), shown(theirs.min)),
        ...differs('max', shown(ours.max), shown(theirs.max)),
      ]),
    ).toEqual([]);
  });

  it('in mean, deviation and norm, to twelve digits', () => {
    expect(
      complaints((theirs, ours) => {
        const size = theirs.size ?? 0;
        const deviation = Math.abs(theirs.exactStd ?? 0);
        return [
          ...strays('mean', ours.mean, theirs.mean, size),
          ...strays('mean', ours.mean, theirs.exactMean, size),
          ...strays('std', ours.std, theirs.exactStd, deviation),
          ...strays('l2Norm', ours.l2Norm, theirs.l2Norm, Math.abs(theirs.l2Norm ?? 0)),
        ];
      }),
    ).toEqual([]);
  });

  it('in the deviation as torch itself rounds it', () => {
    // beside a large mean the digits of torch's own result are fewer
    expect(
      complaints((theirs, ours) =>
        strays('std', ours.std, theirs.std, (theirs.std ?? 0) + (theirs.size ?? 0)),
      ),
    ).toEqual([]);
  });

  it('in the histogram, but for numbers on the edge of a bin', () => {
    expect(
      complaints(({ histogram }, ours) => {
        if (!histogram || !ours.histogram) return [];
        const moved = histogram.reduce(
          (sum, count, bin) => sum + Math.abs(count - Number(ours.histogram?.counts[bin])),
          0,
        );
        return moved <= Math.max(4, ours.shape.length)
          ? []
          : differs('histogram', ours.histogram.counts, histogram);
      }),
    ).toEqual([]);
  });
});
