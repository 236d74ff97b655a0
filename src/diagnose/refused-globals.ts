import type { Checkpoint, ContainerKind, GlobalUse } from '../checkpoint/checkpoint.ts';
import { pathName } from '../checkpoint/path.ts';
import { pathOf, walkNodes } from '../checkpoint/walk.ts';
import { PyGlobal, PyObject } from '../pickle/values.ts';
import { python3Name } from '../torch/allowlist.ts';
import { globalTier, isJudgedByArguments } from '../torch/global-tiers.ts';
import { STDLIB_MODULES } from '../torch/python-stdlib.ts';
import { isNumpy2 } from './numpy-globals.ts';
import { listed, printable } from './wording.ts';

/** Each refused global is of one kind, the most telling one, so that one rule speaks of it. */
export type GlobalKind = 'numpy' | 'path' | 'main' | 'dtensor' | 'config' | 'project' | 'other';

/** A global that `weights_only` does not take. */
export interface RefusedGlobal {
  /** As Python 3 knows it, and as torch's error spells it but for the builtins. */
  readonly name: string;
  readonly kind: GlobalKind;
  readonly count: number;
  /** Where the first value stands that it makes; undefined where none is in the checkpoint. */
  readonly place: string | undefined;
}

/** Containers whose pickle `torch.load` hands to its own unpickler. */
const KINDS: readonly ContainerKind[] = ['torch-zip', 'torch-legacy', 'pickle'];

/** Containers of settings: plain data behind a class. */
const CONFIG_CLASSES =
  /^(argparse\.Namespace|types\.SimpleNamespace|collections\.defaultdict|easydict\.|addict\.|yacs\.config\.|munch\.|box\.|attrdict\.|ml_collections\.|omegaconf\.|hydra\.|mmcv\.utils\.config\.|mmengine\.config\.|(pytorch_lightning|lightning(\.pytorch|_fabric|\.fabric)?)\.utilities\.(parsing|data)\.AttributeDict|transformers\.(training_args|.*\bconfiguration_)|detectron2\.config\.|absl\.flags)/;
const DTENSOR = /^torch\.distributed\.(tensor|_tensor|device_mesh|_mesh_layout)\b/;
const JAGGED = /^torch\.nested\._internal\./;
/** torch 2.13 refuses every name of these modules, even one that the user has allowed. */
const BLOCKED_MODULES = new Set(['sys', 'os', 'posix', 'nt']);

function kindOf(name: string): GlobalKind {
  if (name.startsWith('numpy.')) return 'numpy';
  if (name.startsWith('pathlib.')) return 'path';
  if (name.startsWith('__main__.')) return 'main';
  if (DTENSOR.test(name)) return 'dtensor';
  if (CONFIG_CLASSES.test(name)) return 'config';
  return name.startsWith('torch.') || STDLIB_MODULES.has(name.split('.', 1)[0] as string)
    ? 'other'
    : 'project';
}

const RULES: Readonly<Record<GlobalKind, string>> = {
  numpy: 'globals/numpy-value',
  path: 'globals/platform-path',
  main: 'globals/main-module',
  dtensor: 'globals/dtensor',
  config: 'globals/config-object',
  project: 'globals/project-class',
  other: 'globals/not-allowlisted',
};

/** The rule that speaks of a global, by the name that torch's error has. */
export function ruleOfGlobal(name: string): string {
  if (isNumpy2({ name })) return 'globals/numpy2';
  return RULES[kindOf(name.includes('.') ? name : `builtins.${name}`)];
}

/**
 * In the order in which the stream names them: the first is the one that torch's error names. Of a plain pickle those do not count
 * that went into a tensor, which fix writes as torch does: arrays, and the streams of `_load_from_bytes`.
 */
export function findRefusedGlobals(checkpoint: Checkpoint): RefusedGlobal[] {
  const refused = checkpoint.globals.filter(({ weightsOnly }) => !weightsOnly);
  if (!refused.length || !KINDS.includes(checkpoint.container.kind)) return [];
  const places = firstPlaces(checkpoint, new Set(refused.map(({ name }) => name)));
  return refused
    .filter(({ name }) => checkpoint.container.kind !== 'pickle' || places.has(name))
    .toSorted((a, b) => a.offset - b.offset)
    .map((use) => ({
      name: todaysName(use),
      kind: kindOf(todaysName(use)),
      count: use.count,
      place: places.get(use.name),
    }));
}

function todaysName({ name }: GlobalUse): string {
  const dot = name.lastIndexOf('.');
  return python3Name(name.slice(0, dot), name.slice(dot + 1));
}

function firstPlaces({ root }: Checkpoint, names: ReadonlySet<string>): Map<string, string> {
  const places = new Map<string, string>();
  walkNodes(root, (node, place) => {
    const global = node instanceof PyObject ? node.callable : node;
    if (!(global instanceof PyGlobal) || !names.has(global.qualifiedName)) return undefined;
    if (!places.has(global.qualifiedName)) places.set(global.qualifiedName, pathName(pathOf(place)));
    return undefined;
  });
  return places;
}

/** What a checkpoint has no use for, and an attack has. */
export function runsCode(name: string): boolean {
  const dot = name.lastIndexOf('.');
  const parts = [name.slice(0, dot), name.slice(dot + 1)] as const;
  return globalTier(...parts) === 'danger' && !isJudgedByArguments(...parts);
}

/** How `torch.load` of torch 2.13 ends at a global: the telling part of its text. */
export function refusalText(name: string): string {
  const module = name.split('.', 1)[0] as string;
  if (BLOCKED_MODULES.has(module))
    return `Trying to load unsupported GLOBAL ${printable(name)} whose module ${module} is blocked`;
  if (DTENSOR.test(name)) return '``torch.distributed.tensor`` must be imported to load DTensors';
  if (JAGGED.test(name))
    return '``torch.nested`` and ``torch._dynamo`` must be imported to load nested jagged tensors (NJTs)';
  return `Unsupported global: GLOBAL ${printable(name.replace(/^builtins\./, ''))}`;
}

/** A global with how often the pickle names it, and where what it makes stands first. */
export function globalSubject({ name, count, place }: RefusedGlobal): string {
  return `${name} (${count}×${place ? ` at ${place}` : ''})`;
}

/** `argparse.Namespace (1), numpy.dtype (3) and 2 more`. */
export function listGlobals(globals: readonly RefusedGlobal[]): string {
  return listed(globals.map(({ name, count }) => `${name} (${count}×)`));
}
