import { isKnownError, UnreadableError } from '../io/errors.ts';
import { type ErrorEntry, errorEntry } from './inspect-document.ts';

/** Why a file could not be examined, as data for the JSON documents. */
export function failureEntry(error: unknown): ErrorEntry {
  if (error instanceof UnreadableError) return errorEntry(error);
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'internal', message: isKnownError(error) ? message : defectWords(message) };
}

/** What is not an error of ours to expect is a defect, and called one. */
export function defectWords(message: string): string {
  return `internal error: ${message}; please report it (--debug shows where)`;
}
