import { defineRule } from '../../define-rule.ts';
import { namesOn } from '../../storage-names.ts';
import {
  fullName,
  isTorchArchive,
  rewriteFlags,
  rewriteWords,
  storagesByOffset,
} from '../../torch-archives.ts';
import { counted } from '../../wording.ts';

export default defineRule({
  id: 'zip/crc-absent',
  severity: 'info',
  needs: 'container',
  title: 'Records carry no checksum',
  check(checkpoint, { records: { unsummed: without } }) {
    if (!isTorchArchive(checkpoint) || !without.length) return undefined;
    const filled = checkpoint.records.filter(({ size }) => size > 0);
    if (without.length === filled.length) {
      return {
        message: `None of ${counted(filled.length, 'record')} has a CRC-32, as torch.serialization.set_crc32_options(False) saves them: torch loads the file, unzip -t and Python's zipfile report "Bad CRC-32", and no damage in transit can be noticed. ${rewriteWords(checkpoint, 'fix computes them.')}`,
        subjects: without.map((record) => fullName(checkpoint, record)),
        fix: rewriteFlags(checkpoint),
      };
    }
    const byOffset = storagesByOffset(checkpoint);
    const storages = new Set(without.flatMap(({ dataOffset }) => byOffset.get(dataOffset ?? -1) ?? []));
    // one sum in four billion is 0 by right; torch.serialization.skip_data leaves out those of all storages
    if (storages.size < 2 || storages.size < checkpoint.storages.filter(({ bytes }) => bytes > 0).length)
      return undefined;
    return {
      severity: 'warning',
      message: `The tensors have no CRC-32 and the other records have one, as torch.save writes it under torch.serialization.skip_data(): the file has room for ${counted(storages.size, 'storage')}, but nothing was written there unless another program did it since. torch.load gives zeros then and says nothing; fix can not bring back what was not written.`,
      subjects: namesOn(checkpoint, storages),
    };
  },
});
