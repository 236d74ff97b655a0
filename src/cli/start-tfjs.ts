import type { Tfjs } from '../numeric/tfjs.ts';
import { visible } from '../report/terminal/text.ts';
import type { Context } from './context.ts';

/**
 * Loaded only where it is asked for; a package that is there and does not work is named, though another answers.
 * @throws RefusedError that says what to install, where none answers.
 */
export async function startTfjs(context: Context): Promise<Tfjs> {
  const { openTfjs } = await import('../numeric/tfjs.ts');
  const tfjs = await openTfjs();
  for (const reason of tfjs.broken) await context.stderr.write(`ckpt-doctor: note: ${visible(reason)}\n`);
  return tfjs;
}
