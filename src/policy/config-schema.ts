import * as v from 'valibot';
import { parseBytes } from '../diagnose/amounts.ts';
import { RefusedError } from '../io/errors.ts';
import { complaintsOf } from './complaints.ts';
import type { Config } from './config.ts';
import { PRESETS } from './presets.ts';
import { checkRules } from './rule-requests.ts';

const SIZE_EXPECTED = 'expected a number of bytes or a text like "500 MB"';

/** valibot takes a list for an object without keys. */
function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function object<const Entries extends v.ObjectEntries>(entries: Entries, message: string) {
  return v.pipe(v.custom<object>(isObject, message), v.strictObject(entries, message));
}

function record<Value extends v.GenericSchema>(value: Value, message: string) {
  return v.pipe(v.custom<object>(isObject, message), v.record(v.string(), value, message));
}

const count = v.pipe(
  v.number('expected a whole number from 0'),
  v.check(isWhole, 'expected a whole number from 0'),
);
const size = v.pipe(
  v.union([v.number(), v.string()], SIZE_EXPECTED),
  v.check((value) => isWhole(bytesOf(value)), SIZE_EXPECTED),
  v.transform(bytesOf),
);
const text = v.pipe(v.string('expected a text'), v.nonEmpty('expected a text that is not empty'));
const texts = v.array(text, 'expected a list of texts');
const severity = v.picklist(['error', 'warning', 'info'], 'expected error, warning or info');
const severityOrOff = v.picklist(
  ['error', 'warning', 'info', 'off'],
  'expected error, warning, info or off, or a list of one of these and an object of options',
);
const option = v.union(
  [v.number(), v.boolean(), v.string(), v.array(v.string())],
  'expected a number, a text, true, false or a list of texts',
);
const options = record(option, 'expected an object of options');
const ruleRequest = v.lazy((input) =>
  Array.isArray(input)
    ? v.strictTuple([severityOrOff, options], 'expected a severity and an object of options')
    : severityOrOff,
);

const demands = {
  rules: v.optional(record(ruleRequest, 'expected an object of rules and severities')),
  budgets: v.optional(
    object(
      {
        fileBytes: v.nullish(size),
        parameters: v.nullish(count),
        wastedBytes: v.nullish(size),
      },
      'expected an object of budgets',
    ),
  ),
  allow: v.optional(
    object(
      { dtypes: v.nullish(texts), locations: v.nullish(texts), globals: v.nullish(texts) },
      'expected an object of lists',
    ),
  ),
  failOn: v.optional(severity),
  expect: v.nullish(text),
};

const presetName = v.picklist(
  Object.keys(PRESETS) as (keyof typeof PRESETS)[],
  `expected one of ${Object.keys(PRESETS).join(', ')}`,
);

const config = object(
  {
    $schema: v.optional(v.string()),
    extends: v.optional(
      v.pipe(
        v.lazy((input) => (Array.isArray(input) ? v.array(presetName) : presetName)),
        v.transform((value) => (Array.isArray(value) ? value : [value])),
      ),
    ),
    files: v.optional(texts),
    ignore: v.optional(texts),
    maxWarnings: v.optional(count),
    baseline: v.optional(text),
    ...demands,
    overrides: v.optional(
      v.array(
        object({ files: texts, ...demands }, 'expected an object with files and what is asked of them'),
        'expected a list of overrides',
      ),
    ),
  },
  'expected an object',
);

/**
 * The configuration in a JSON value.
 * @param source What the messages call it: the path of the file.
 * @throws RefusedError that names every key that is wrong, and what it should be.
 */
export function parseConfig(value: unknown, source: string): Config {
  const result = v.safeParse(config, value);
  const complaints = result.success ? checkRules(result.output) : complaintsOf(result.issues);
  if (!result.success || complaints.length > 0) throw new RefusedError(`${source}: ${complaints.join('; ')}`);
  return result.output;
}

function bytesOf(input: number | string): number {
  return typeof input === 'number' ? input : parseBytes(input);
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
