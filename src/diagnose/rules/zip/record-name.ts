import type { Checkpoint } from '../../../checkpoint/checkpoint.ts';
import { defineRule } from '../../define-rule.ts';
import { namesWithFault } from '../../record-names.ts';
import { isTorchArchive } from '../../torch-archives.ts';
import { counted, printable } from '../../wording.ts';

export default defineRule({
  id: 'zip/record-name',
  severity: 'warning',
  needs: 'container',
  title: 'A record has a name that programs read differently',
  check(checkpoint, { records }) {
    if (!isTorchArchive(checkpoint)) return undefined;
    const found = [...namesWithFault(records.named, 'odd'), ...foreignNames(checkpoint)];
    const [first] = found;
    if (!first) return undefined;
    return {
      message: `${counted(found.length, 'record has a name', 'records have names')} that no torch writes: ${first.name} ${first.what}. torch does not need the record; a program that unpacks the archive may write another file than is listed. Zip the folder again without it; fix carries records along that it does not know.`,
      subjects: found.map(({ name }) => name),
    };
  },
});

/** What the folder of all records is called is the matter of whoever named the file. */
function foreignNames({ archive, container }: Checkpoint): { name: string; what: string }[] {
  const { root = '' } = container;
  return (archive?.oddities ?? []).flatMap(({ kind, record = '', what }) => {
    const name = record.startsWith(root) ? record.slice(root.length) : record;
    return kind === 'not-utf8' && /[^\x20-\x7e]/.test(name) ? [{ name: printable(record), what }] : [];
  });
}
