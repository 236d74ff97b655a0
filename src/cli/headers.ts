import { InvalidArgumentError } from 'commander';

export type Headers = Readonly<Record<string, string>>;

/** Collects `--header 'Name: value'`. What is wrong with one is told without its value, which may be a token. */
export function addHeader(text: string, before: Headers = {}): Headers {
  const [, name, value] = /^([A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]*(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined || /[\r\n]/.test(value)) {
    throw new InvalidArgumentError("It must have the form 'Name: value'.");
  }
  return { ...before, [name]: value };
}
