import { defineRule } from '../../define-rule.ts';
import { counted, listed, printable } from '../../wording.ts';

export default defineRule({
  id: 'tensor/sparse-indices',
  severity: 'warning',
  needs: 'payload',
  title: 'Indices of sparse tensors lie outside of their shapes',
  check(_checkpoint, { payload }) {
    const faults = payload?.sparse ?? [];
    if (faults.length === 0) return undefined;
    const [first] = faults;
    const subjects = faults.map(({ name }) => printable(name));
    return {
      message: `${counted(subjects.length, 'sparse tensor has', 'sparse tensors have')} indices outside of ${subjects.length === 1 ? 'its shape' : 'their shapes'} (${listed(subjects)}; the first: index ${first?.index} in a dimension of ${first?.size}). torch.load does not look, and whatever uses the tensor reads or writes memory that is not its own; torch.sparse.check_sparse_tensor_invariants makes it fail with "size is inconsistent with indices". Get the file again, or build the tensor anew; fix copies it as it is.`,
      subjects,
    };
  },
});
