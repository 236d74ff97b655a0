import { InvalidArgumentError } from 'commander';

/** Longest time that a timer of Node takes, in seconds. */
const LONGEST = 2_147_483;

/** A number of seconds on the command line, fractions allowed. */
export function seconds(text: string): number {
  const value = /^\d{1,9}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (value <= 0 || value > LONGEST)
    throw new InvalidArgumentError('It must be a number of seconds above 0.');
  return value;
}
