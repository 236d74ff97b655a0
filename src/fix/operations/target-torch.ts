import { pathName } from '../../checkpoint/path.ts';
import type { Storage } from '../../checkpoint/storage.ts';
import { pathOf, walkNodes } from '../../checkpoint/walk.ts';
import { RefusedError } from '../../io/errors.ts';
import { argumentsOf, callableName, PyGlobal, PyObject, PyTuple } from '../../pickle/values.ts';
import { storageClassName } from '../../torch/storage-id.ts';
import {
  DTYPE_SINCE,
  knownSince,
  parseTorchVersion,
  READS_ARCHIVE,
  REBUILD_V3,
  TORCH_2,
  type TorchVersion,
  versionText,
} from '../../torch/versions.ts';
import type { Draft } from '../draft.ts';
import type { Operation } from '../operation.ts';
import { type Placement, placementsOf } from '../placements.ts';
import { resolveBits } from '../resolve-bits.ts';
import { renameSparse } from '../sparse-names.ts';

/** Places that a refusal names. */
const NAMED = 3;
const WITH_DTYPE = 'torch._utils._rebuild_tensor_v3';
const WITH_STATE = 'torch._utils._rebuild_parameter_with_state';
/**
 * Keeps the output loadable by a release of torch: what that release builds otherwise is written its way, what it has not is refused.
 * @throws RefusedError for what is no version, and for releases that read no such archive.
 */
export function targetTorch(text: string): Operation {
  const version = parseTorchVersion(text);
  if (version === undefined)
    throw new RefusedError(`--target-torch '${text}' is no version of torch like 1.13 or 2.6`);
  if (version < READS_ARCHIVE)
    throw new RefusedError(
      `--target-torch ${versionText(version)}: releases before ${versionText(READS_ARCHIVE)} read no archives of the version that is written since; --to torch-legacy writes what they read`,
    );
  const name = `target-torch ${versionText(version)}`;
  return {
    name,
    apply(draft) {
      refuseDtypes(draft, version);
      const notes: string[] = [];
      const note = (count: number, what: string) => {
        if (count > 0) notes.push(`${count} ${what}`);
        return count;
      };
      let affected = 0;
      if (version < TORCH_2) {
        affected += note(resolveBits(draft), 'lazily conjugated or negated tensors are made real');
        affected += note(
          withoutState(draft),
          "parameters lose their Python attributes, which torch 1.x doesn't save either",
        );
      }
      if (version < REBUILD_V3)
        affected += note(withTypedStorages(draft), 'tensors get a storage that has their dtype');
      affected += note(
        renameSparse(draft.checkpoint.root, version < TORCH_2 ? '1.x' : 'today'),
        'sparse tensors are built as that release builds them',
      );
      refuseNames(draft, version);
      draft.touch();
      if (affected === 0) notes.push(`torch ${versionText(version)} loads it as it is`);
      return { name, affected, noun: 'tensors', notes };
    },
  };
}

function refusal(
  what: string,
  version: TorchVersion,
  places: readonly string[],
  advice: string,
): RefusedError {
  const more = places.length > NAMED ? ` and ${places.length - NAMED} more` : '';
  return new RefusedError(
    `--target-torch ${versionText(version)}: that release has no ${what}, which is needed for ${places.slice(0, NAMED).join(', ')}${more}; ${advice}`,
  );
}

function refuseDtypes({ checkpoint }: Draft, version: TorchVersion): void {
  const tooNew = checkpoint.tensors.filter(({ dtype }) => (DTYPE_SINCE[dtype.name] ?? 0) > version);
  const [first] = tooNew;
  if (!first) return;
  const alike = tooNew.filter(({ dtype }) => dtype === first.dtype).map(({ name }) => name);
  const advice = first.dtype.family === 'float' ? 'cast it with --dtype' : 'leave it out with --drop';
  throw refusal(first.dtype.name, version, alike, advice);
}

/** Functions and dtypes by name, wherever they stand: a release that has none of the name fails with an AttributeError. */
function refuseNames({ checkpoint }: Draft, version: TorchVersion): void {
  const places = new Map<string, string[]>();
  walkNodes(checkpoint.root, (node, place) => {
    const global = node instanceof PyObject ? node.callable : node;
    if (!(global instanceof PyGlobal) || (knownSince(global.qualifiedName) ?? 0) <= version) return undefined;
    const standing = places.get(global.qualifiedName);
    const where = pathName(pathOf(place)) || 'the root';
    if (standing) standing.push(where);
    else places.set(global.qualifiedName, [where]);
    return undefined;
  });
  for (const [name, standing] of places)
    throw refusal(name, version, standing, 'leave it out with --drop or --weights');
}

/** `_rebuild_parameter_with_state(tensor, requires_grad, hooks, state)` */
function withoutState({ checkpoint }: Draft): number {
  let count = 0;
  walkNodes(checkpoint.root, (node) => {
    if (!(node instanceof PyObject) || callableName(node) !== WITH_STATE) return undefined;
    node.callable = new PyGlobal('torch._utils', '_rebuild_parameter');
    node.args = new PyTuple(argumentsOf(node).slice(0, 3));
    count++;
    return undefined;
  });
  return count;
}

/** What names its dtype for want of a storage class is the one thing that v3 is for; anything else can do without. */
function withTypedStorages(draft: Draft): number {
  let count = 0;
  const replaced = new Map<Storage, Storage>();
  for (const [storage, placements] of placementsOf(draft.checkpoint).byStorage) {
    const named = placements.filter(({ call }) => call.name === WITH_DTYPE);
    const [first] = named;
    if (!first) continue;
    const { dtype } = first.tensor;
    const storageClass = storageClassName(dtype);
    if (!storageClass || placements.some(({ tensor }) => tensor.dtype !== dtype))
      throw new RefusedError(
        `--target-torch: tensor ${first.tensor.name} shares its bytes with tensors of other dtypes, which that release can't say; give each its own storage with --untie`,
      );
    if (!storage.dtype)
      replaced.set(storage, {
        ...storage,
        storageClass: new PyGlobal('torch', storageClass),
        dtype,
        numel: Math.floor(storage.bytes / dtype.itemSize),
      });
    for (const placement of named) {
      withoutDtype(placement);
      count++;
    }
  }
  draft.replaceStorages(replaced);
  return count;
}

function withoutDtype({ call }: Placement): void {
  call.rename(new PyGlobal('torch._utils', '_rebuild_tensor_v2'));
  call.items.splice(6, 1);
}
