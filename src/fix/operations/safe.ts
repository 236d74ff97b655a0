import { pathName } from '../../checkpoint/path.ts';
import { pathOf, walkNodes } from '../../checkpoint/walk.ts';
import { plainForms } from '../../formats/plain-forms.ts';
import { RefusedError } from '../../io/errors.ts';
import { encodePickle } from '../../pickle/encoder.ts';
import { Op } from '../../pickle/opcodes.ts';
import { replaceNodes } from '../../pickle/replace.ts';
import { PyGlobal, PyObject, PySet, type Value } from '../../pickle/values.ts';
import { python3Name } from '../../torch/allowlist.ts';
import { ArrayTensors } from '../array-tensors.ts';
import type { Draft } from '../draft.ts';
import type { Operation } from '../operation.ts';

/** Names that a refusal lists. */
const NAMED = 5;

/**
 * Puts plain values in the place of what `torch.load(weights_only=True)` refuses, where they say the same: numpy scalars, arrays,
 * namespaces, paths, named tuples and the like. Refuses where anything is left that it would refuse.
 */
export function safe(): Operation {
  const name = 'safe';
  return {
    name,
    apply(draft) {
      const { root, source } = draft.checkpoint;
      const arrays = new ArrayTensors();
      const { replaced, left } = plainForms(root, {
        source,
        tensorOf: (array, dtype, requiresGrad) => arrays.tensorOf(array, dtype, requiresGrad),
      });
      if (left.length > 0) throw refusal(root, left);
      if (replaced.size > 0) {
        draft.adopt(arrays.storageOf);
        draft.setRoot(replaceNodes(root, (node) => replaced.get(node)?.value, 'entered'));
      }
      refuseRecursion(draft);
      const counts = new Map<string, number>();
      for (const { what } of replaced.values()) counts.set(what, (counts.get(what) ?? 0) + 1);
      const notes = [...counts].map(([what, count]) => `${count} ${what}`);
      if (notes.length === 0) notes.push('weights_only takes every value already');
      return { name, affected: replaced.size, noun: 'values', notes };
    },
  };
}

function refusal(root: Value, left: readonly string[]): RefusedError {
  const shown = left.slice(0, NAMED).map((name) => {
    const place = placeOf(root, name);
    return place === undefined ? name : `${name} (at ${place})`;
  });
  const more = left.length > NAMED ? ` and ${left.length - NAMED} more` : '';
  return new RefusedError(
    `--safe: no plain value says the same as ${shown.join(', ')}${more}; take only the weights with --weights, or the part that you need with --extract`,
  );
}

/** Where the first object stands that a global builds. */
function placeOf(root: Value, name: string): string | undefined {
  let found: string | undefined;
  walkNodes(root, (node, place) => {
    if (found !== undefined) return false;
    const global = node instanceof PyObject ? node.callable : node;
    const matches =
      global instanceof PyGlobal
        ? python3Name(global.module, global.name) === name
        : global instanceof PySet && global.frozen && name === 'builtins.frozenset';
    if (matches) found = pathName(pathOf(place));
    return undefined;
  });
  return found || undefined;
}

/** A tuple that holds itself is written with an opcode that `weights_only` lacks; only a stream that had it can need it. */
function refuseRecursion({ checkpoint: { pickle, root } }: Draft): void {
  if (!pickle?.opcodes[Op.POP] && !pickle?.opcodes[Op.POP_MARK]) return;
  if (encodePickle(root).holdsItself)
    throw new RefusedError(
      '--safe: a tuple or object holds itself, for which protocol 2 has no opcode that weights_only takes; take only the weights with --weights, or the part that you need with --extract',
    );
}
