import * as v from 'valibot';
import { RefusedError } from '../io/errors.ts';
import { BASELINE_SCHEMA, type BaselineDocument } from './baseline.ts';
import { complaintsOf } from './complaints.ts';

const baseline = v.strictObject(
  {
    schema: v.literal(BASELINE_SCHEMA, `expected "${BASELINE_SCHEMA}"`),
    findings: v.array(
      v.strictObject(
        {
          path: v.string('expected a text'),
          rule: v.string('expected a text'),
          severity: v.picklist(['error', 'warning', 'info'], 'expected error, warning or info'),
          count: v.number('expected a number'),
          subjects: v.union(
            [v.array(v.string()), v.pipe(v.string(), v.startsWith('sha256:'))],
            'expected a list of names or their sha256:…',
          ),
        },
        'expected an object',
      ),
      'expected a list of findings',
    ),
  },
  'expected an object',
);

/** @throws RefusedError that names every key that is wrong. */
export function parseBaseline(value: unknown, source: string): BaselineDocument {
  const result = v.safeParse(baseline, value);
  if (!result.success) throw new RefusedError(`${source}: ${complaintsOf(result.issues).join('; ')}`);
  return result.output;
}
