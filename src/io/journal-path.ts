import { access, realpath } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Where the journal of a file stands, by the path to which all symbolic links lead. */
export function journalPath(file: string): string {
  return join(dirname(file), `.${basename(file)}.ckpt-doctor-journal`);
}

/** The file itself, where symbolic links were followed, if a journal stands beside it; undefined as a rule. Never throws. */
export function findJournaled(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    realpath.native(path, (error, file) => {
      if (error !== null) resolve(undefined);
      else access(journalPath(file), (absent) => resolve(absent === null ? file : undefined));
    });
  });
}
