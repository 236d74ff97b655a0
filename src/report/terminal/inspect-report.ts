import type { Storage } from '../../checkpoint/storage.ts';
import { locationOf, type Tensor } from '../../checkpoint/tensor.ts';
import {
  type InspectDocument,
  type Listed,
  tensorEntry,
  type UnreadableDocument,
} from '../inspect-document.ts';
import { filteredLines } from './filtered.ts';
import { findingLines } from './findings.ts';
import { bytesText, counted, grouped } from './numbers.ts';
import { fileLines, totalsLines } from './overview.ts';
import { roleLines } from './roles.ts';
import type { Screen } from './screen.ts';
import { type SharedStorage, sharedStorages } from './sharing.ts';
import { cutMiddle, nameText, visible, widthOf, wrap } from './text.ts';
import { growTree } from './tree.ts';
import { type NoteOf, treeLines } from './tree-lines.ts';
import { foldedTensors, planTree, type TreeLimits } from './tree-plan.ts';
import { valueLines } from './values.ts';

export interface InspectReportOptions {
  /** Words for the torch that wrote the file. */
  readonly era?: string | undefined;
  /** Fold nothing. */
  readonly all?: boolean;
  /** Levels of the tree to open; without it, as many as fit the screen. */
  readonly depth?: number;
  /** The glob that the tensors of the document were chosen by. */
  readonly filter?: string | undefined;
  /** List every subject of a finding. */
  readonly allSubjects?: boolean;
  /** Globals and pages of the rules too. */
  readonly verbose?: boolean;
  /** Only the file and its findings. */
  readonly quiet?: boolean;
}

/** The tree is worth this many lines even where the findings alone fill the screen. */
const MIN_TREE_LINES = 12;
const MAX_VALUE_LINES = 10;
const MAX_SHARED_LINES = 4;
const SUBJECT_LINES = 2;

/**
 * What `inspect` prints for a person, line by line, without line ends.
 * @param listed What the document lists.
 */
export function* inspectReport(
  document: InspectDocument,
  listed: Listed,
  options: InspectReportOptions,
  screen: Screen,
): Generator<string> {
  yield* fileLines(document, options.era, screen);
  if (document.error) yield* damageLines(document.error.message, screen);
  const findings = findingLines(
    document.findings,
    {
      path: document.file.path,
      subjectLines: options.allSubjects ? Number.POSITIVE_INFINITY : SUBJECT_LINES,
      ...(options.verbose && { docs: true }),
      ...(document.error && { damaged: true }),
    },
    screen,
  );
  if (options.quiet) {
    yield* findings;
    return;
  }
  const shared = sharedStorages(listed);
  const limit = (lines: number) => (options.all ? Number.POSITIVE_INFINITY : lines);
  const totals = totalsLines(document, screen);
  const after = [
    roleLines(document, screen),
    valueLines(document.metadata, limit(MAX_VALUE_LINES), screen),
    sharedLines(shared, limit(MAX_SHARED_LINES), screen),
    options.verbose ? globalLines(document, screen) : [],
    findings,
  ].filter((section) => section.length > 0);
  yield '';
  yield* totals;
  // file, totals and what follows, an empty line before each section, and the prompt after it all
  const others = 4 + totals.length + after.reduce((sum, section) => sum + section.length + 1, 0) + 2;
  const lines = Math.max(MIN_TREE_LINES, screen.height - others);
  yield* treeSection(document, listed.tensors, options, lines, noteMaker(document, shared), screen);
  for (const section of after) {
    yield '';
    yield* section;
  }
}

/** What `inspect` prints of a file that can't be read, beside the reason: what the rules have to say of it. */
export function unreadableReport(
  { file, findings }: UnreadableDocument,
  { allSubjects, verbose }: Pick<InspectReportOptions, 'allSubjects' | 'verbose'>,
  screen: Screen,
): string[] {
  const options = {
    path: file.path,
    subjectLines: allSubjects ? Number.POSITIVE_INFINITY : SUBJECT_LINES,
    ...(verbose && { docs: true }),
  };
  return [screen.inks.title(visible(file.path, screen.unicode)), ...findingLines(findings, options, screen)];
}

function damageLines(message: string, { inks, glyphs, unicode, width }: Screen): string[] {
  return wrap(`${glyphs.error} Damaged: ${visible(message, unicode)}`, width).map((line) => inks.error(line));
}

function* treeSection(
  { totals }: InspectDocument,
  tensors: readonly Tensor[],
  options: InspectReportOptions,
  lines: number,
  noteOf: NoteOf,
  screen: Screen,
): Generator<string> {
  if (options.filter !== undefined) {
    yield '';
    yield* filteredLines(options.filter, tensors.length, totals.tensors, screen);
  }
  if (tensors.length === 0) return;
  const limits: TreeLimits =
    options.depth !== undefined
      ? { depth: options.depth }
      : { lines, all: options.all || options.filter !== undefined };
  yield '';
  const top = planTree(growTree(tensors), limits);
  yield* treeLines(top, noteOf, screen);
  const folded = foldedTensors(top);
  if (folded === 0) return;
  const told = `${screen.glyphs.ellipsis} ${counted(folded, 'tensor')} folded; to see more: --all, --depth <n>, --filter <glob>`;
  yield* wrap(told, screen.width).map((line) => screen.inks.faint(line));
}

/** What is out of the ordinary about a tensor. */
function noteMaker({ totals }: InspectDocument, shared: readonly SharedStorage[]): NoteOf {
  const sharing = new Map<Storage | undefined, string>();
  for (const { storage, tied } of shared) sharing.set(storage, tied ? 'tied' : 'shared');
  const several = Object.keys(totals.byLocation).length > 1;
  return (tensor) =>
    [
      tensor.kind === 'tensor' || tensor.kind === 'parameter' ? '' : tensor.kind,
      sharing.get(tensor.storage) ?? '',
      several ? (locationOf(tensor) ?? '') : '',
    ]
      .filter((note) => note !== '')
      .join(' ');
}

function sharedLines(shared: readonly SharedStorage[], limit: number, screen: Screen): string[] {
  if (shared.length === 0) return [];
  const { inks, glyphs } = screen;
  const shown = shared.length > limit ? shared.slice(0, Math.max(1, limit - 1)) : shared;
  const lines = shown.map((storage) => `  ${sharedLine(storage, screen)}`);
  const rest = shared.length - shown.length;
  if (rest > 0) lines.push(inks.faint(`  ${glyphs.ellipsis} ${rest} more`));
  return [inks.title('Shared storage'), ...lines];
}

/** Names of one shared storage that its line tells. */
const MAX_NAMES = 3;

function sharedLine(
  { storage, members, tied }: SharedStorage,
  { glyphs, unicode, width, inks }: Screen,
): string {
  const nameOf = ({ name }: Tensor) => nameText(name, unicode);
  const shown = members.slice(0, MAX_NAMES).map(nameOf);
  if (members.length > shown.length) shown.push(`${glyphs.ellipsis} ${members.length - shown.length} more`);
  const tail = tied
    ? bytesText(tensorEntry(members[0] as Tensor).bytes)
    : `views of storage ${cutMiddle(visible(storage.key, unicode), 12, glyphs.ellipsis)}`;
  const room = width - 4 - tail.length;
  const separator = tied ? ' = ' : ', ';
  const share = Math.floor((room - separator.length * (shown.length - 1)) / shown.length);
  const whole = shown.join(separator);
  const names =
    widthOf(whole) <= room
      ? whole
      : shown.map((name) => cutMiddle(name, share, glyphs.ellipsis)).join(separator);
  return `${names}  ${inks.number(tail)}`;
}

function globalLines({ globals }: InspectDocument, { inks, glyphs, unicode, width }: Screen): string[] {
  if (globals.length === 0) return [];
  const count = Math.max(...globals.map((each) => grouped(each.count).length));
  const lines = globals.map(({ name, count: uses, weightsOnly }) => {
    const verdict = weightsOnly ? '' : '  refused by weights_only';
    const room = width - count - 4 - verdict.length;
    const number = ' '.repeat(count - grouped(uses).length) + grouped(uses);
    const text = cutMiddle(visible(name, unicode), room, glyphs.ellipsis);
    return `  ${inks.number(number)}  ${text}${inks.warning(verdict)}`;
  });
  return [inks.title('Globals'), ...lines];
}
