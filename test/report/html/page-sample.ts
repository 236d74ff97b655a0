import type { Checkpoint } from '../../../src/checkpoint/checkpoint.ts';
import { diagnose } from '../../../src/diagnose/engine.ts';
import { computeStatistics } from '../../../src/numeric/statistics.ts';
import type { Value } from '../../../src/pickle/values.ts';
import { pageData } from '../../../src/report/page-builder.ts';
import type { NumberColumns, PageData } from '../../../src/report/page-data.ts';
import { PAGE_BINS } from '../../../src/report/page-numbers.ts';
import { Forge } from '../../support/forge.ts';

/** What the page has of a checkpoint whose numbers were looked at. */
export async function valuedPage(checkpoint: Checkpoint): Promise<PageData & { numbers: NumberColumns }> {
  const statistics = await computeStatistics(checkpoint.tensors, { bins: PAGE_BINS, narrow: true });
  const data = pageData(checkpoint, diagnose(checkpoint), { version: '0.0.0', rules: new Map(), statistics });
  return data as PageData & { numbers: NumberColumns };
}

/** The same of tensors that `make` puts into a dict. */
export function forged(make: (forge: Forge) => Record<string, Value>): ReturnType<typeof valuedPage> {
  const forge = new Forge();
  return valuedPage(forge.checkpoint(forge.dict(make(forge))));
}

/** Numbers around zero, more of them near it. */
export const bell = (count: number, width = 1): number[] =>
  Array.from(
    { length: count },
    (_, index) => width * (Math.sin(index) + Math.sin(index * 1.7) + Math.sin(index * 2.3)),
  );
