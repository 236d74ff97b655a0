import { defineRule } from '../../define-rule.ts';
import { comparedPath, type Mismatch } from '../../expected-keys.ts';
import { counted, namesUnder, printable } from '../../wording.ts';

export default defineRule({
  id: 'expect/shape-mismatch',
  severity: 'error',
  needs: 'expectation',
  title: 'Tensors have another shape than the model expects',
  check(_checkpoint, { keyComparison }) {
    const { shapes = [] } = keyComparison ?? {};
    const [first] = shapes;
    if (!keyComparison || !first) return undefined;
    const nameOf = namesUnder(comparedPath(keyComparison));
    return {
      message: `${counted(shapes.length, 'tensor has', 'tensors have')} another shape than in the model: load_state_dict fails, with strict=False too: "size mismatch for ${printable(first.key)}: copying a param with shape ${size(first.found.shape)} from checkpoint, the shape in current model is ${size(first.expected.shape)}".${hint(shapes)}`,
      subjects: shapes.map(({ key }) => nameOf(key)),
    };
  },
});

/** What a mismatch of a single number is most often about. */
function hint(shapes: readonly Mismatch[]): string {
  const counts = shapes.map(({ expected, found }) => `${found.shape[0]} ${expected.shape[0]}`);
  const onlyRows = shapes.every(
    ({ expected, found }) =>
      expected.shape.length > 0 && expected.shape.slice(1).join() === found.shape.slice(1).join(),
  );
  const [from, to] = (counts[0] as string).split(' ');
  if (!onlyRows || new Set(counts).size > 1) return '';
  return ` Only the first dimension differs, ${from} instead of ${to}: another number of classes or words.`;
}

function size(shape: readonly number[]): string {
  return `torch.Size([${shape.join(', ')}])`;
}
