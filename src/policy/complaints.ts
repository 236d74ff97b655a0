import type { BaseIssue } from 'valibot';

/** Complaints beyond this are more than anybody mends at once. */
const MOST = 5;
const LONGEST = 40;

/**
 * What is wrong with a JSON value, each in a few words that begin with the key: `rules.device/cuda-tag: expected …, found "warn"`.
 * @param place Where the value stands in its file.
 */
export function complaintsOf(
  issues: readonly BaseIssue<unknown>[],
  place: readonly (string | number)[] = [],
): string[] {
  const all = issues.map((issue) => complaintOf(issue, place));
  return all.length > MOST ? [...all.slice(0, MOST), `and ${all.length - MOST} more`] : all;
}

function complaintOf(issue: BaseIssue<unknown>, place: readonly (string | number)[]): string {
  const key = keyName([...place, ...(issue.path ?? []).map((step) => step.key as string | number)]);
  if (issue.type === 'strict_object' && issue.expected === 'never') return `${key}: there is no such key`;
  const message = issue.message.startsWith('expected') ? issue.message : `expected ${issue.expected}`;
  const found =
    issue.input === undefined ? 'nothing' : cut(JSON.stringify(issue.input) ?? typeof issue.input);
  return `${key}: ${message}, found ${found}`;
}

/** `overrides[0].rules.device/cuda-tag`. */
export function keyName(path: readonly (string | number)[]): string {
  const name = path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : index > 0 ? `.${step}` : step))
    .join('');
  return name || 'the whole file';
}

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}
