import * as v from 'valibot';
import { RefusedError } from '../io/errors.ts';
import { complaintsOf } from './complaints.ts';
import { KEYS_SCHEMA, type KeysDocument } from './keys-file.ts';

const size = v.pipe(
  v.number('expected a whole number from 0'),
  v.check((value) => Number.isSafeInteger(value) && value >= 0, 'expected a whole number from 0'),
);
const sizes = v.array(size, 'expected a list of sizes');

const keysDocument = v.object(
  {
    schema: v.literal(KEYS_SCHEMA, `expected "${KEYS_SCHEMA}"`),
    keys: v.record(
      v.string(),
      v.object(
        { shape: sizes, dtype: v.optional(v.string('expected a text like "float32"')) },
        'expected an object with shape and dtype',
      ),
      'expected an object with a member for each key of the state_dict',
    ),
    optimizerGroups: v.optional(v.array(size, 'expected a list of numbers of parameters')),
  },
  'expected an object',
);

/** @throws RefusedError that names every key that is wrong. */
export function parseKeys(value: unknown, source: string): KeysDocument {
  const result = v.safeParse(keysDocument, value, { abortPipeEarly: true });
  if (!result.success) throw new RefusedError(`${source}: ${complaintsOf(result.issues).join('; ')}`);
  return result.output as KeysDocument;
}
