import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { type FoundWeights, findWeights, type WeightsCandidate } from '../../checkpoint/find-weights.ts';
import { moduleStateDict } from '../../checkpoint/module-state.ts';
import { pathName } from '../../checkpoint/path.ts';
import { RefusedError } from '../../io/errors.ts';
import {
  callableName,
  entriesOf,
  PyDict,
  PyList,
  PyObject,
  PyTuple,
  type Value,
} from '../../pickle/values.ts';
import type { Draft } from '../draft.ts';
import type { Operation } from '../operation.ts';
import { ORDERED_DICT, orderedDict } from '../python-values.ts';

/** Places that a refusal names. */
const NAMED = 6;

/**
 * Leaves only the state_dict of the model: optimizers, schedulers, callbacks, epochs go. A pickled module becomes the state_dict
 * that its `state_dict()` would give, but for `_metadata`, which its class would write.
 */
export function weights(): Operation {
  const name = 'weights';
  return {
    name,
    apply(draft) {
      const before = draft.checkpoint.tensors.length;
      const found = weightsOf(draft.checkpoint);
      if (!('value' in found)) {
        const joined = joinModules(found);
        if (!joined)
          throw new RefusedError(
            notOne(
              found.map(({ path }) => pathName(path)),
              before,
            ),
          );
        draft.setRoot(joined);
        const after = draft.checkpoint.tensors.length;
        const names = found.map(({ path }) => pathName(path)).join(', ');
        const notes = [
          `${found.length} modules become one state_dict, as a ModuleDict of them has it: ${names}`,
        ];
        return { name, affected: after, noun: 'tensors', notes };
      }
      const { path, value, isModule, others } = found;
      const joined = joinItems(value);
      const stateDict = joined ?? stateDictOf(value);
      if (stateDict !== draft.checkpoint.root) draft.setRoot(stateDict);
      const after = draft.checkpoint.tensors.length;
      const place = path.length > 0 ? `'${pathName(path)}'` : 'the root';
      const notes = [
        isModule
          ? `the state_dict of the module at ${place}`
          : path.length > 0
            ? `the state_dict at ${place}`
            : 'the root is a state_dict already',
      ];
      if (joined && isSequence(value))
        notes.push(`${value.items.length} state_dicts of a list become one, as a ModuleList of them has it`);
      if (before > after) notes.push(`${before - after} tensors beside it are left out`);
      if (others.length > 0)
        notes.push(
          `other weights are left out: ${others.join(', ')} (--extract ${others[0]} --weights takes those)`,
        );
      notes.push(...placeholderNote(draft));
      return { name, affected: stateDict === value && path.length === 0 ? 0 : after, noun: 'tensors', notes };
    },
  };
}

function notOne(places: readonly string[], tensors: number): string {
  if (places.length > 1) {
    const more = places.length > NAMED ? ` and ${places.length - NAMED} more` : '';
    return `--weights: ${places.length} places hold tensors of a model: ${places.slice(0, NAMED).join(', ')}${more}; take one with --extract <path>`;
  }
  return tensors === 0
    ? '--weights: the file holds no tensor'
    : '--weights: no state_dict and no module is in the file; see what is there with ckpt-doctor inspect --all';
}

/** What is made of a TorchScript module is a state_dict, also where quantized layers have all of its tensors in tuples. */
function weightsOf(checkpoint: Checkpoint): FoundWeights | readonly WeightsCandidate[] {
  const found = findWeights(checkpoint);
  const { container, root, tensors } = checkpoint;
  const isStateDict = container.kind === 'torchscript' && tensors.length > 0 && entriesOf(root) !== undefined;
  return !('value' in found) && found.length === 0 && isStateDict
    ? { path: [], value: root, isModule: false, others: [] }
    : found;
}

/** The state_dicts of models that stand in a list, by their index and their keys; undefined where anything else is in it. */
function joinItems(value: Value): Value | undefined {
  if (!isSequence(value)) return undefined;
  const keys: Value[] = [];
  const values: Value[] = [];
  for (const [index, item] of value.items.entries()) {
    const entries = entriesOf(stateDictOf(item));
    if (!entries) return undefined;
    keys.push(...entries.keys.map((key) => `${index}.${key}`));
    values.push(...entries.values);
  }
  return keys.length > 0 ? orderedDict(keys, values) : undefined;
}

function isSequence(value: Value): value is PyList | PyTuple {
  return value instanceof PyList || value instanceof PyTuple;
}

/** Several whole modules and nothing that says which of them counts: each keeps its name before its keys. */
function joinModules(candidates: readonly WeightsCandidate[]): Value | undefined {
  const keys: Value[] = [];
  const values: Value[] = [];
  for (const { path, value } of candidates) {
    const entries = entriesOf(moduleStateDict(value) ?? null);
    if (!entries) return undefined;
    keys.push(...entries.keys.map((key) => `${pathName(path)}.${key}`));
    values.push(...entries.values);
  }
  return keys.length > 0 ? orderedDict(keys, values) : undefined;
}

/** A mapping that weights_only takes: an OrderedDict and a dict stay what they are, `_metadata` and all. */
function stateDictOf(value: Value): Value {
  const ofModule = moduleStateDict(value);
  if (ofModule) return ofModule;
  if (value instanceof PyDict || callableName(value) === ORDERED_DICT) return value;
  const entries = entriesOf(value);
  if (!(value instanceof PyObject) || !entries) return value;
  return orderedDict([...entries.keys], [...entries.values]);
}

/** DeepSpeed's third stage saves empty tensors in the place of weights that are spread over the ranks. */
function placeholderNote(draft: Draft): string[] {
  const { tensors } = draft.checkpoint;
  const empty = tensors.filter(({ elements, shape }) => elements === 0 && shape.length === 1);
  return tensors.length > 1 && empty.length * 2 > tensors.length
    ? [
        `${empty.length} of ${tensors.length} tensors are empty: placeholders, as DeepSpeed's stage 3 saves them; the weights are in its other files (give its folder)`,
      ]
    : [];
}
