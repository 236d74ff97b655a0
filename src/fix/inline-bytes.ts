import { walkNodes } from '../checkpoint/walk.ts';
import { RefusedError } from '../io/errors.ts';
import { MOST_INLINE_BYTES } from '../pickle/protocol2.ts';
import { PyBytes, type Value } from '../pickle/values.ts';

/**
 * Loads the bytes objects that the decoder left in the file, so that they can be written as protocol 2 wants them.
 * @throws RefusedError where there are too many of them.
 */
export async function loadInlineBytes(root: Value): Promise<void> {
  const found: PyBytes[] = [];
  let total = 0;
  walkNodes(root, (node) => {
    if (!(node instanceof PyBytes) || node.content instanceof Uint8Array) return undefined;
    found.push(node);
    total += node.content.length;
    return undefined;
  });
  if (total > MOST_INLINE_BYTES) {
    throw new RefusedError(
      `${total} bytes of raw data stand inside the pickle, which protocol 2 can only hold as text (limit ${MOST_INLINE_BYTES}); load the file with weights_only=False where you trust it, and save the data as tensors`,
    );
  }
  for (const node of found) {
    const { content } = node;
    if (content instanceof Uint8Array) continue;
    node.content = Uint8Array.from(await content.source.read(content.offset, content.length));
  }
}
