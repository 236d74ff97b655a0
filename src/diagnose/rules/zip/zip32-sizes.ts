import type { Storage } from '../../../checkpoint/storage.ts';
import { segmentLength } from '../../../io/segment.ts';
import { bytesAmount } from '../../amounts.ts';
import { defineRule } from '../../define-rule.ts';
import { hasWholePickle, SALVAGE } from '../../salvage.ts';
import { namesOn } from '../../storage-names.ts';
import { isTorchArchive } from '../../torch-archives.ts';
import { counted, printable } from '../../wording.ts';

const TWO_TO_32 = 2 ** 32;

export default defineRule({
  id: 'zip/zip32-sizes',
  severity: 'error',
  needs: 'pickle',
  title: 'Sizes beyond 4 GiB were cut to the 32 bits of old zip fields',
  check(checkpoint, { storages }) {
    if (!isTorchArchive(checkpoint)) return undefined;
    const cut = storages.unfit.filter(isCutTo32Bits);
    const first = cut[0];
    if (!first?.content) return undefined;
    const size = segmentLength(first.content);
    return {
      message: `The directory gives data/${printable(first.key)} ${bytesAmount(size)} where its storage has ${bytesAmount(first.bytes)}, and the difference is a multiple of 4 GiB: a tool without zip64 wrote the archive and kept the lower 32 bits of ${counted(cut.length, 'size')}. Every torch fails on it or loads chance ("record size (${size} bytes) does not match expected size (${first.bytes} bytes …)" since 2.10). Save it with torch.save itself, which writes zip64; if there is nothing else left of it, fix --salvage writes the tensors that are whole.`,
      subjects: namesOn(checkpoint, new Set(cut)),
      fix: SALVAGE,
    };
  },
  explain: (error) => ({
    message: `A record or its place lies beyond 4 GiB, and the zip64 field that would hold such a number is not there: every torch fails with "PytorchStreamReader failed reading file data/0: invalid header or archive is corrupted". Save the checkpoint with torch.save itself, which writes zip64, or zip it with a tool that does${hasWholePickle(error) ? '; fix --salvage finds the tensors without the directory.' : '; fix does not heal this.'}`,
    subjects: [],
    fix: hasWholePickle(error) ? SALVAGE : [],
  }),
});

/** The record lacks bytes by a multiple of 4 GiB, as sizes do that were stored in 32 bits. */
export function isCutTo32Bits({ content, bytes }: Storage): boolean {
  if (!content || bytes < TWO_TO_32) return false;
  const lacking = bytes - segmentLength(content);
  return lacking > 0 && lacking % TWO_TO_32 === 0;
}
