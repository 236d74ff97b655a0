import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';

/** Checks documents against a schema of ours; gives the complaints, none for a valid document. */
export function schemaValidator(
  name:
    | 'inspect'
    | 'fix'
    | 'check'
    | 'config'
    | 'baseline'
    | 'keys'
    | 'rules'
    | 'diff'
    | 'stats'
    | 'show-pickle',
): (document: unknown) => string[] {
  const schema = JSON.parse(readFileSync(`schemas/${name}.schema.json`, 'utf8'));
  const validate = new Ajv2020({
    allErrors: true,
    strict: true,
    allowUnionTypes: true,
    strictRequired: false,
  }).compile(schema);
  return (document) => {
    validate(document);
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  };
}
