import { holdingSignals } from './held-signals.ts';
import type { OutputFile } from './output-file.ts';

/**
 * Gives files that belong together their names, the one that leads to the others last, so that it never stands beside files that are not
 * there yet. An older one of its name goes before any of them changes. Where a name can't be given, those that were given are taken back.
 *
 * @param lead Leads to the others.
 * @throws as `OutputFile.publish`.
 */
export async function publishSet(files: readonly OutputFile[], lead: OutputFile): Promise<void> {
  await holdingSignals(async () => {
    const published: OutputFile[] = [];
    try {
      await lead.clear();
      for (const file of [...files, lead]) {
        await file.publish();
        published.push(file);
      }
    } catch (error) {
      for (const file of published) await file.retract().catch(() => {});
      throw error;
    }
  });
}
