import type { Path } from '../checkpoint/path.ts';
import { pathOf, walkNodes } from '../checkpoint/walk.ts';
import { entriesOf, isNode, PyList, type Value } from '../pickle/values.ts';

/** The state of an optimizer in a checkpoint. */
export interface OptimizerGroups {
  readonly path: Path;
  /** Number of parameters in each group. */
  readonly sizes: readonly number[];
}

/** Every mapping that has `param_groups` as the `state_dict` of a torch optimizer has them, in the order of the stream. */
export function optimizerGroups(root: Value): OptimizerGroups[] {
  const found: OptimizerGroups[] = [];
  walkNodes(root, (node, place) => {
    const groups = valueAt(node, 'param_groups');
    if (!(groups instanceof PyList)) return undefined;
    const sizes = groups.items.map((group) => {
      const parameters = valueAt(group, 'params');
      return parameters instanceof PyList ? parameters.items.length : -1;
    });
    if (!sizes.includes(-1)) found.push({ path: pathOf(place), sizes });
    return undefined;
  });
  return found;
}

function valueAt(value: Value, key: string): Value | undefined {
  const entries = isNode(value) ? entriesOf(value) : undefined;
  const index = entries?.keys.lastIndexOf(key) ?? -1;
  return index < 0 ? undefined : entries?.values[index];
}
