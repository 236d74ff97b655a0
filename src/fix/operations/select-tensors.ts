import { compileNameGlobs } from '../../checkpoint/name-glob.ts';
import { placesOf, removeSlots, type Slot, type TensorPlace } from '../../checkpoint/places.ts';
import { RefusedError } from '../../io/errors.ts';
import type { Value } from '../../pickle/values.ts';
import type { Draft } from '../draft.ts';
import type { Operation } from '../operation.ts';

/** Drops the tensors whose names match any of the globs, with their keys. */
export function drop(globs: readonly string[]): Operation {
  const name = `drop ${globs.join(' ')}`;
  return {
    name,
    async apply(draft) {
      const matches = await compileNameGlobs(globs);
      return { name, ...removeWhere(draft, 'any', (tensor) => matches(tensor)) };
    },
  };
}

/** Drops the tensors whose names match none of the globs, with their keys. What is no tensor stays. */
export function keep(globs: readonly string[]): Operation {
  const name = `keep ${globs.join(' ')}`;
  return {
    name,
    async apply(draft) {
      const matches = await compileNameGlobs(globs);
      const done = removeWhere(draft, 'every', (tensor) => !matches(tensor));
      if (draft.checkpoint.tensors.length === 0)
        throw new RefusedError(
          `--keep ${globs.join(' ')}: no tensor has such a name; see ckpt-doctor inspect`,
        );
      return { name, ...done };
    },
  };
}

/**
 * Removes tensors by name. One that is reached by several names, because a container that holds it is shared, goes where `any` or
 * `every` of them is to go.
 */
function removeWhere(draft: Draft, quantifier: 'any' | 'every', isToGo: (name: string) => boolean) {
  const entries = entriesByHolder(placesOf(draft.checkpoint));
  const gone: Slot[] = [];
  for (const places of entries) {
    const goes =
      quantifier === 'any'
        ? places.some(({ tensor }) => isToGo(tensor.name))
        : places.every(({ tensor }) => isToGo(tensor.name));
    if (!goes) continue;
    const { tensor, slot } = places[0] as TensorPlace;
    if (!slot?.keys) {
      const where = slot
        ? 'in a list or among arguments, where others would move'
        : 'where nothing can be taken away';
      throw new RefusedError(
        `tensor ${tensor.name || 'at the root'} stands ${where}; extract what you need instead`,
      );
    }
    gone.push(slot);
  }
  removeSlots(gone);
  draft.touch();
  const notes = gone.length === 0 ? ['no tensor is meant'] : [];
  return { affected: gone.length, noun: 'tensors', notes };
}

function entriesByHolder(places: readonly TensorPlace[]): TensorPlace[][] {
  const groups: TensorPlace[][] = [];
  const known = new Map<Value[], Map<number, TensorPlace[]>>();
  for (const place of places) {
    const { slot } = place;
    let byIndex = slot && known.get(slot.held);
    if (slot && !byIndex) {
      byIndex = new Map();
      known.set(slot.held, byIndex);
    }
    const group = slot && byIndex?.get(slot.index);
    if (group) group.push(place);
    else {
      const own = [place];
      groups.push(own);
      if (slot) byIndex?.set(slot.index, own);
    }
  }
  return groups;
}
