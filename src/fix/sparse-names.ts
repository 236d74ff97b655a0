import { walkNodes } from '../checkpoint/walk.ts';
import { RefusedError } from '../io/errors.ts';
import { argumentsOf, callableName, PyGlobal, PyObject, PyTuple, type Value } from '../pickle/values.ts';

const TODAY = 'torch._utils._rebuild_sparse_tensor';
/** Gone since torch 2.0, which can't load CSR tensors of 1.x any more; the arguments are the same. */
const CSR_OF_1 = 'torch._utils._rebuild_sparse_csr_tensor';

/**
 * Names the functions that build sparse tensors as torch of today, or of the 1.x releases, knows them.
 * @returns how many tensors were changed.
 * @throws RefusedError for layouts that 1.x could not save.
 */
export function renameSparse(root: Value, era: 'today' | '1.x'): number {
  let count = 0;
  walkNodes(root, (node) => {
    if (!(node instanceof PyObject)) return undefined;
    const name = callableName(node);
    if (era === 'today' && name === CSR_OF_1) {
      node.callable = new PyGlobal('torch._utils', '_rebuild_sparse_tensor');
      count++;
    } else if (era === '1.x' && name === TODAY) count += forTorch1(node);
    return undefined;
  });
  return count;
}

function forTorch1(node: PyObject): number {
  const [layout, data] = argumentsOf(node);
  const [kind] = layout instanceof PyObject ? argumentsOf(layout) : [];
  if (!(data instanceof PyTuple)) return 0;
  if (kind === 'torch.sparse_csr') {
    node.callable = new PyGlobal('torch._utils', '_rebuild_sparse_csr_tensor');
    return 1;
  }
  if (kind !== 'torch.sparse_coo')
    throw new RefusedError(`--target-torch: torch 1.x can't load tensors of the layout ${String(kind)}`);
  if (data.items.length <= 3) return 0;
  // whether the indices are sorted and unique is found out anew where it matters
  node.args = new PyTuple([layout as Value, new PyTuple(data.items.slice(0, 3))]);
  return 1;
}
