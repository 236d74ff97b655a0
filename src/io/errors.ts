/**
 * What went wrong with a file, as a machine-readable word. It stands in `error.code` of the JSON documents.
 *
 * - `not-found`, `is-directory`, `permission`, `io`: the file system refused.
 * - `empty`, `not-a-checkpoint`, `unsupported`: the bytes are not something that this version opens; the message names what they are.
 * - `truncated`, `bad-archive`, `missing-record`, `short-record`, `bad-pickle`: the bytes are damaged.
 * - `limit`: a budget of ours was exhausted before the file could be judged.
 * - `changed`: the file changed while it was being read, or is being changed by another run of ours.
 * - `interrupted`: a fix in place of the file was interrupted; `undo` takes it back.
 */
export type UnreadableCode =
  | 'not-found'
  | 'is-directory'
  | 'permission'
  | 'io'
  | 'empty'
  | 'not-a-checkpoint'
  | 'unsupported'
  | 'truncated'
  | 'bad-archive'
  | 'missing-record'
  | 'short-record'
  | 'bad-pickle'
  | 'limit'
  | 'changed'
  | 'interrupted';

/** The file can't be read to the end of what was asked. `message` is one line: noun, expected, found, and what to do. */
export class UnreadableError extends Error {
  override readonly name = 'UnreadableError';
  readonly code: UnreadableCode;
  /** Byte offset into the file (or into the pickle, when the message says so) at which the fault shows. */
  readonly offset: number | undefined;
  /** Id of the rule whose page explains the fault: `zip/truncated`. */
  readonly rule: string | undefined;

  constructor(code: UnreadableCode, message: string, offset?: number, rule?: string) {
    super(message);
    this.code = code;
    this.offset = offset;
    this.rule = rule;
  }
}

/** What was asked can't or must not be done (a collision of keys, an existing output, a wrong option). Nothing was written. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/** True for the errors that are told to the user in one line; everything else is a defect of ours. */
export function isKnownError(error: unknown): error is UnreadableError | RefusedError {
  return error instanceof UnreadableError || error instanceof RefusedError;
}
