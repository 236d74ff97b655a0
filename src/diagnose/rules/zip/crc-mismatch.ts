import type { ArchiveRecord, Checkpoint, ContainerKind } from '../../../checkpoint/checkpoint.ts';
import { defineRule, type RuleResult } from '../../define-rule.ts';
import type { PayloadFacts } from '../../payload.ts';
import { namesOn } from '../../storage-names.ts';
import { counted, listed } from '../../wording.ts';

const PICKLE = 'data.pkl';
/** What opens the archive: all of these read it with torch's own reader, which leaves checksums alone. */
const READERS: Partial<Record<ContainerKind, string>> = {
  torchscript: 'torch.jit.load',
  'torch-package': 'torch.package.PackageImporter',
  'torch-export': 'torch.export.load',
};
const CURE = 'Get the file again, or compare it with a copy; fix can not know what stood there.';

export default defineRule({
  id: 'zip/crc-mismatch',
  severity: 'error',
  // the sum of the pickle is known without more reading; those of the tensors only where --verify-crc or --values had the file read
  needs: 'pickle',
  title: 'Bytes are not those that were saved: a checksum does not match',
  check(checkpoint, { payload, records }) {
    const pickle = pickleResult(checkpoint, records.named);
    const others = payload?.checksums && recordsResult(checkpoint, payload.checksums, pickle !== undefined);
    return [...(others ? [others] : []), ...(pickle ? [pickle] : [])];
  },
});

function readerOf({ container }: Checkpoint): string {
  return READERS[container.kind] ?? 'torch.load';
}

function recordsResult(
  checkpoint: Checkpoint,
  { checked, faults }: NonNullable<PayloadFacts['checksums']>,
  isPickleTold: boolean,
): RuleResult | undefined {
  const damaged = faults.filter(({ record }) => !isPickleTold || record.toLowerCase() !== PICKLE);
  if (!damaged.length) return undefined;
  const storages = new Set(damaged.flatMap(({ storage }) => storage ?? []));
  const bare = damaged.filter(({ storage }) => !storage).map(({ record }) => record);
  const subjects = [...namesOn(checkpoint, storages), ...bare];
  return {
    message: `${damaged.length} of ${counted(checked, 'record')} ${damaged.length === 1 ? 'does' : 'do'} not match the CRC-32 in the archive (${listed(damaged.map(({ record }) => record))}): bytes changed since the file was saved. ${readerOf(checkpoint)} never looks and gives wrong numbers without a word; unzip -t says "bad CRC". ${CURE}`,
    subjects,
  };
}

function pickleResult(checkpoint: Checkpoint, records: readonly ArchiveRecord[]): RuleResult | undefined {
  const { pickle } = checkpoint;
  const record = records.find(({ name, outsideRoot }) => !outsideRoot && name.toLowerCase() === PICKLE);
  if (!record?.crc32 || pickle?.crc32 === undefined || record.crc32 === pickle.crc32) return undefined;
  return {
    severity: 'warning',
    message: `The record ${PICKLE} does not match its CRC-32: it was damaged, or changed by a tool that left the sum as it was. ${readerOf(checkpoint)} never looks; a name, a size or a number in it may be wrong. ${CURE}`,
    subjects: [PICKLE],
  };
}
