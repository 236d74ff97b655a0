import type { TensorColumns } from '../page-data.ts';

/** A module, or a tensor where `tensor` is set. */
export interface ModuleNode {
  /** The last part of the name, or several where a module holds nothing but one other. */
  readonly label: string;
  /** Dotted name; empty for the root. */
  readonly name: string;
  readonly parent: ModuleNode | undefined;
  readonly children: ModuleNode[];
  /** Index of the tensor. */
  readonly tensor?: number;
  /** Bytes in the file, and how many tensors: of all that stands below. */
  bytes: number;
  tensors: number;
}

/** The modules that the dots in names of tensors tell of. Names without end are cut into no more levels than any model has. */
export function moduleTree({ name, stored }: Pick<TensorColumns, 'name' | 'stored'>): ModuleNode {
  const root = node('', '', undefined);
  const inner = new Map<string, ModuleNode>();
  for (const [index, full] of name.entries()) {
    let at = root;
    let start = 0;
    for (let depth = 0; depth < DEEPEST; depth++) {
      const dot = full.indexOf('.', start);
      if (dot < 0) break;
      const path = full.slice(0, dot);
      let next = inner.get(path);
      if (!next) {
        next = node(full.slice(start, dot), path, at);
        at.children.push(next);
        inner.set(path, next);
      }
      at = next;
      start = dot + 1;
    }
    const leaf = {
      ...node(full.slice(start), full, at),
      tensor: index,
      bytes: stored[index] ?? 0,
      tensors: 1,
    };
    at.children.push(leaf);
  }
  sumUp(root);
  return joined(root, undefined);
}

const DEEPEST = 40;

function node(label: string, name: string, parent: ModuleNode | undefined): ModuleNode {
  return { label, name, parent, children: [], bytes: 0, tensors: 0 };
}

function sumUp(module: ModuleNode): void {
  for (const child of module.children) {
    if (child.tensor === undefined) sumUp(child);
    module.bytes += child.bytes;
    module.tensors += child.tensors;
  }
}

/** Modules that hold one module and nothing else are one with it. */
function joined(module: ModuleNode, parent: ModuleNode | undefined): ModuleNode {
  let at = module;
  let label = module.label;
  for (
    let only = at.children[0];
    at.children.length === 1 && only && only.tensor === undefined;
    only = at.children[0]
  ) {
    // the root keeps its place, so that there is always a way back to all
    if (at.parent === undefined) break;
    label = `${label}.${only.label}`;
    at = only;
  }
  const made: ModuleNode = { ...at, label, parent, children: [] };
  for (const child of at.children) {
    const inner = child.tensor === undefined ? joined(child, made) : { ...child, parent: made };
    const only = inner.children[0];
    // a module of one tensor is that tensor
    if (inner.children.length === 1 && only?.tensor !== undefined)
      made.children.push({ ...only, label: `${inner.label}.${only.label}`, parent: made });
    else made.children.push(inner);
  }
  return made;
}

/** Every tensor below a module. */
export function* tensorsIn(module: ModuleNode): Generator<number> {
  if (module.tensor !== undefined) yield module.tensor;
  for (const child of module.children) yield* tensorsIn(child);
}

/** The modules from the root to one. */
export function pathTo(module: ModuleNode): ModuleNode[] {
  const path: ModuleNode[] = [];
  for (let at: ModuleNode | undefined = module; at; at = at.parent) path.unshift(at);
  return path;
}

/** The innermost module that holds a tensor. */
export function moduleOf(root: ModuleNode, tensor: number): ModuleNode {
  const open = [root];
  for (let at = open.pop(); at; at = open.pop()) {
    if (at.children.some((child) => child.tensor === tensor)) return at;
    open.push(...at.children);
  }
  return root;
}
