import { parentPort } from 'node:worker_threads';
import { verdictOf } from './verdict.ts';

/** Judges what it is sent, and answers with a complaint or with none. */
parentPort?.on('message', async ({ bytes, original }: { bytes: Uint8Array; original?: Uint8Array }) => {
  let complaint: string | undefined;
  try {
    const told = await verdictOf(bytes);
    if (original && told.manifest !== undefined) {
      const before = await verdictOf(original);
      const saysMore = told.rules.some((rule) => !before.rules.includes(rule));
      const listsOther = before.manifest !== undefined && told.manifest !== before.manifest;
      if (listsOther && (told.verdict === 'clean' || !saysMore))
        complaint = `called ${told.verdict} like the file that it was made from, and lists something else`;
      if (before.verdict === 'danger' && told.verdict === 'clean')
        complaint = 'called clean, and made from a file that is called a danger';
    }
  } catch (error) {
    complaint = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  parentPort?.postMessage(complaint);
});
