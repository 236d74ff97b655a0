import * as v from 'valibot';
import { RefusedError } from '../io/errors.ts';
import { complaintsOf } from './complaints.ts';
import { KEYS_SCHEMA, type KeysDocument } from './keys-file.ts';

const size = v.pipe(
  v.number('expected a whole number from 0'),
  v.check((value) => Number.isSafeInteger(value) && value >= 0, 'expected a whole number from 0'),
);
const sizes = v.array(size, 'expected a list of sizes');

const tensor = v.object(
  { shape: sizes, dtype: v.optional(v.string('expected a text like "float32"')) },
  'expected an object with shape and dtype',
);

const keysDocument = v.object(
  {
    schema: v.literal(KEYS_SCHEMA, `expected "${KEYS_SCHEMA}"`),
    keys: v.custom<object>(
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
      'expected an object with a member for each key of the state_dict',
    ),
    optimizerGroups: v.optional(v.array(size, 'expected a list of numbers of parameters')),
  },
  'expected an object',
);

/** @throws RefusedError that names every key that is wrong. */
export function parseKeys(value: unknown, source: string): KeysDocument {
  const result = v.safeParse(keysDocument, value);
  if (!result.success) throw refusal(source, complaintsOf(result.issues));
  // one by one, because the library passes over keys such as `constructor`, and a tensor may be called anything
  for (const [key, entry] of Object.entries(result.output.keys)) {
    const parsed = v.safeParse(tensor, entry);
    if (!parsed.success) throw refusal(source, complaintsOf(parsed.issues, ['keys', key]));
  }
  return result.output as KeysDocument;
}

function refusal(source: string, complaints: readonly string[]): RefusedError {
  return new RefusedError(`${source}: ${complaints.join('; ')}`);
}
