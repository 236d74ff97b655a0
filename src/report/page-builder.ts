import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { type Role, rolesOf } from '../checkpoint/roles.ts';
import type { Storage } from '../checkpoint/storage.ts';
import type { Tensor } from '../checkpoint/tensor.ts';
import { findWaste } from '../checkpoint/waste.ts';
import type { Finding } from '../diagnose/finding.ts';
import { prescribe } from '../diagnose/prescription.ts';
import type { TensorStatistics } from '../numeric/statistics.ts';
import { type InspectDocument, inspectDocument } from './inspect-document.ts';
import { blocksOf } from './markdown-blocks.ts';
import type { PageBlock, PageData, PageFinding, PageSharing, PageSum, TensorColumns } from './page-data.ts';
import { numberColumns } from './page-numbers.ts';
import type { Json } from './plain-value.ts';
import { shellWord } from './terminal/findings.ts';
import { containerFacts } from './terminal/overview.ts';
import { sharedStorages } from './terminal/sharing.ts';
import { nameText, visible } from './terminal/text.ts';

/** Subjects of a finding that the page lists; more than these nobody reads. */
const MOST_SUBJECTS = 500;
const MOST_SHARED = 500;
const MOST_SHARED_NAMES = 50;
/** UTF-16 units of a value that is no tensor. */
const LONGEST_VALUE = 500;

/** What the page tells of a rule beside what was found. */
export interface RuleText {
  readonly title: string;
  /** Its page; undefined where the installation has none. */
  readonly markdown: string | undefined;
}

export interface PageOptions {
  readonly version: string;
  /** What the numbers are like; the page has none where it is left out. */
  readonly statistics?: readonly TensorStatistics[] | undefined;
  readonly rules: ReadonlyMap<string, RuleText>;
}

/** All that the page shows, fit to be shown: text from the file has its controls spelt out. */
export function pageData(
  checkpoint: Checkpoint,
  findings: readonly Finding[],
  { version, rules, statistics }: PageOptions,
): PageData {
  const document = inspectDocument(checkpoint, findings, { allSubjects: true });
  const { totals, file } = document;
  const waste = findWaste(checkpoint);
  const dtypes = sums(totals.byDtype, ({ tensors }) => tensors);
  const locations = sums(totals.byLocation, ({ storages }) => storages);
  const roles = rolesOf(checkpoint);
  const sharing = sharedStorages(checkpoint);
  const storageSizes = new Map(checkpoint.storages.map(({ key, bytes }) => [key, bytes]));
  const { flags } = prescribe(findings);
  return {
    version,
    file: { path: visible(file.path), name: visible(baseName(file.path)), bytes: file.bytes ?? 0 },
    facts: containerFacts(document, checkpoint.container.era).map((fact) => visible(fact)),
    ...(document.error && { damage: visible(document.error.message) }),
    totals: {
      tensors: totals.tensors,
      parameters: Number(totals.parameters),
      tensorBytes: Number(totals.tensorBytes),
      storages: totals.storages,
      storageBytes: Number(totals.storageBytes),
      wastedBytes: waste.bytes,
    },
    dtypes,
    locations,
    parts: roles.map(partSum),
    findings: findings.map((finding) => pageFinding(finding, file.path, rules.get(finding.rule))),
    command: flags.length > 0 ? commandOf(file.path, flags) : '',
    tensors: columnsOf(checkpoint.tensors, {
      dtypes: indexOf(dtypes),
      locations: indexOf(locations),
      partOf: partFinder(roles),
      wasted: waste.byStorage,
      tied: new Map(sharing.map(({ storage, tied }) => [storage.key, tied ? 'tied' : 'shared'])),
    }),
    ...(statistics && { numbers: numberColumns(checkpoint.tensors, statistics) }),
    sharing: sharing.slice(0, MOST_SHARED).map(({ storage: { key }, members, tied }): PageSharing => {
      const names = members.map(({ name }) => visible(name));
      const rest = names.length - MOST_SHARED_NAMES;
      return {
        storage: visible(key),
        bytes: storageSizes.get(key) ?? 0,
        names: [...names.slice(0, MOST_SHARED_NAMES), ...(rest > 0 ? [`… ${rest} more`] : [])],
        tied,
      };
    }),
    values: flatValues(document.metadata),
  };
}

function baseName(path: string): string {
  return path.split(/[\\/]/).findLast((part) => part !== '') ?? path;
}

function sums<T extends { readonly bytes: number }>(
  record: Readonly<Record<string, T>>,
  count: (sum: T) => number,
): PageSum[] {
  return Object.entries(record)
    .map(([name, sum]) => ({ name: visible(name), count: count(sum), bytes: sum.bytes }))
    .sort((a, b) => b.bytes - a.bytes);
}

function indexOf(all: readonly PageSum[]): ReadonlyMap<string, number> {
  return new Map(all.map(({ name }, index) => [name, index]));
}

function partSum({ role, paths, tensors, bytes }: Role): PageSum {
  const places = paths.filter((path) => path !== '').join(', ');
  return { name: role, count: tensors, bytes, ...(places !== '' && { places: visible(places) }) };
}

/** The part of a tensor: that with the longest of the paths that lead to it. */
function partFinder(roles: readonly Role[]): (tensor: Tensor) => number {
  const byPath = new Map<string, number>();
  for (const [index, { paths }] of roles.entries()) for (const path of paths) byPath.set(path, index);
  return ({ path }) => {
    for (let depth = path.length; depth >= 0; depth--) {
      const index = byPath.get(path.slice(0, depth).join('.'));
      if (index !== undefined) return index;
    }
    return -1;
  };
}

function pageFinding(finding: Finding, path: string, text: RuleText | undefined): PageFinding {
  const { rule, severity, message, count, subjects, fix } = finding;
  return {
    rule,
    severity,
    title: text?.title ?? '',
    message: visible(message),
    count,
    subjects: subjects.slice(0, MOST_SUBJECTS).map((subject) => visible(subject)),
    command: fix.length > 0 ? commandOf(path, fix) : '',
    explanation: text?.markdown === undefined ? [] : blocksOf(text.markdown).slice(1).map(pageBlock),
  };
}

function commandOf(path: string, flags: readonly string[]): string {
  // a path that looks like a flag is made to look like a path
  const file = path.startsWith('-') ? `./${path}` : path;
  return visible(`ckpt-doctor fix ${[file, ...flags].map(shellWord).join(' ')}`);
}

function pageBlock(block: readonly string[]): PageBlock {
  const first = block[0] as string;
  const inner = block.filter((line) => !line.startsWith('```'));
  if (first.startsWith('#')) return { kind: 'heading', lines: [first.replace(/^#+ /, '')] };
  if (first.startsWith('```')) return { kind: first === '```text' ? 'message' : 'code', lines: inner };
  // tables are kept as they are typed: their columns stand below each other there
  if (first.startsWith('|')) return { kind: 'code', lines: block };
  if (first.startsWith('- ')) return { kind: 'list', lines: itemsOf(block) };
  return { kind: 'paragraph', lines: [withoutLinks(block.join(' '))] };
}

function itemsOf(block: readonly string[]): string[] {
  const items: string[] = [];
  for (const line of block) {
    if (line.startsWith('- ')) items.push(withoutLinks(line.slice(2)));
    else items.push(`${items.pop() ?? ''} ${withoutLinks(line.trim())}`);
  }
  return items;
}

/** Pages of rules link each other, and there are no other pages beside this one. */
function withoutLinks(text: string): string {
  return text.replace(/\[([^\]]+)\]\([^)]+\)/g, '$1');
}

interface ColumnSources {
  readonly dtypes: ReadonlyMap<string, number>;
  readonly locations: ReadonlyMap<string, number>;
  readonly partOf: (tensor: Tensor) => number;
  readonly wasted: ReadonlyMap<Storage, number>;
  readonly tied: ReadonlyMap<string, string>;
}

function columnsOf(tensors: readonly Tensor[], sources: ColumnSources): TensorColumns {
  const viewed = new Map<Storage, number>();
  for (const { storage, bytes } of tensors)
    if (storage) viewed.set(storage, (viewed.get(storage) ?? 0) + bytes);
  // several tensors on one storage share its bytes by what each views of it
  const shareOf = ({ storage, bytes }: Tensor): number => {
    const all = storage ? (viewed.get(storage) ?? 0) : 0;
    return all > 0 ? bytes / all : 0;
  };
  const storageBytes = (tensor: Tensor): number =>
    tensor.storage ? Math.round(tensor.storage.bytes * shareOf(tensor)) : tensor.bytes;
  const wastedBytes = (tensor: Tensor): number =>
    tensor.storage ? Math.round((sources.wasted.get(tensor.storage) ?? 0) * shareOf(tensor)) : 0;
  return {
    name: tensors.map(({ name }) => nameText(name)),
    dtype: tensors.map(({ dtype }) => sources.dtypes.get(dtype.name) ?? -1),
    location: tensors.map(({ storage }) =>
      storage ? (sources.locations.get(visible(storage.location)) ?? -1) : -1,
    ),
    part: tensors.map(sources.partOf),
    shape: tensors.map(({ shape }) => shape),
    elements: tensors.map(({ elements }) => elements),
    bytes: tensors.map(({ bytes }) => bytes),
    stored: tensors.map(storageBytes),
    wasted: tensors.map(wastedBytes),
    storage: tensors.map(({ storage }) => (storage ? visible(storage.key) : '')),
    note: tensors.map((tensor) => noteOf(tensor, sources.tied)),
  };
}

function noteOf({ kind, storage, requiresGrad }: Tensor, tied: ReadonlyMap<string, string>): string {
  return [
    kind === 'tensor' ? '' : kind,
    requiresGrad ? 'requires grad' : '',
    (storage && tied.get(storage.key)) ?? '',
  ]
    .filter((each) => each !== '')
    .join(', ');
}

/** The leaves of nested metadata, by dotted names. Its depth and number are bounded where it was made. */
function flatValues(metadata: InspectDocument['metadata']): [string, string][] {
  const rows: [string, string][] = [];
  const add = (name: string, value: Json): void => {
    if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) {
      for (const [key, inner] of Object.entries(value)) add(name === '' ? key : `${name}.${key}`, inner);
      return;
    }
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    rows.push([
      visible(name),
      visible(text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text),
    ]);
  };
  add('', metadata as Json);
  return rows.filter(([name]) => name !== '');
}
