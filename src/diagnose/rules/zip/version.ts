import { defineRule } from '../../define-rule.ts';
import { isTorchArchive, rewriteFlags, rewriteWords } from '../../torch-archives.ts';
import { printable } from '../../wording.ts';

/** What torch 1.6 to 2.14 read (caffe2/serialize/versions.h). */
const OLDEST = 1;
const NEWEST = 10;

export default defineRule({
  id: 'zip/version',
  severity: 'error',
  needs: 'container',
  title: 'The version of the archive is missing, or none that torch reads',
  check(checkpoint) {
    const { archive } = checkpoint;
    if (!isTorchArchive(checkpoint) || !archive) return undefined;
    const failure = failureOf(archive.version);
    if (!failure) return undefined;
    return {
      message: `${archive.version === undefined ? 'The archive has no record version' : `The record version says "${printable(archive.version)}"`}: torch.load fails with '${failure}'. ${rewriteWords(checkpoint, 'fix writes version 3, as torch.save does.')}`,
      subjects: ['version'],
      fix: rewriteFlags(checkpoint),
    };
  },
});

/** torch reads the digits that the text starts with. */
function failureOf(text: string | undefined): string | undefined {
  if (text === undefined) return 'Expected hasRecord("version") to be true, but got false.';
  const digits = /^\s*[+-]?\d+/.exec(text)?.[0];
  if (digits === undefined) return `Couldn't parse the version ${printable(text)} as Long Long.`;
  const version = Number(digits);
  const read = `Attempted to read a PyTorch file with version ${version}`;
  if (version < OLDEST) return `${read}, but the minimum supported version for reading is ${OLDEST}`;
  return version > NEWEST ? `${read}, but the maximum supported version for reading is ${NEWEST}` : undefined;
}
