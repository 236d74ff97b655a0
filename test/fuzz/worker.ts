import { parentPort } from 'node:worker_threads';
import { verdictOf } from './verdict.ts';

/** Judges what it is sent, and answers with a complaint or with none. */
parentPort?.on('message', async ({ bytes, original }: { bytes: Uint8Array; original?: Uint8Array }) => {
  let complaint: string | undefined;
  try {
    const { verdict, manifest } = await verdictOf(bytes);
    if (original && verdict === 'clean' && manifest !== (await verdictOf(original)).manifest)
      complaint = 'called clean, and lists something else than the file that it was made from';
  } catch (error) {
    complaint = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  parentPort?.postMessage(complaint);
});
