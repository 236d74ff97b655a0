import { writeArchive } from '../../zip/writer.ts';
import type { FixPlan } from '../plan.ts';
import { verifyOutput } from '../verify.ts';
import type { OutputFilePlan } from './output.ts';

/** The zip archive of a plan. */
export function archiveFile(plan: FixPlan): OutputFilePlan {
  return {
    size: plan.layout.size,
    async write(sink, options) {
      const { crc32 } = await writeArchive(plan.layout, sink, options);
      return corruptedStorages(plan, crc32);
    },
    verify: (written, level) => verifyOutput(plan, written, level),
  };
}

/** torch never looks at checksums, so a damaged storage loads without a word; a copy is the moment to notice. */
function corruptedStorages(plan: FixPlan, crc32: Uint32Array): string[] {
  const sums = new Map(plan.layout.records.map((record, index) => [record.name, crc32[index]]));
  return plan.storages
    .filter(({ storage, key }) => {
      const declared = storage.crc32;
      // torch writes 0 everywhere where it was told not to compute them
      return declared !== undefined && declared !== 0 && declared !== sums.get(`data/${key}`);
    })
    .map(({ storage }) => storage.key);
}
