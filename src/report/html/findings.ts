import type { PageBlock, PageData, PageFinding } from '../page-data.ts';
import { counted, grouped } from '../terminal/numbers.ts';
import { command } from './copy.ts';
import { el, prose, section } from './dom.ts';

const WORDS = { error: 'error', warning: 'warning', info: 'note' } as const;
const ORDER = ['error', 'warning', 'info'] as const;
const FIRST_SUBJECTS = 12;

/** What is wrong, why, and the command that heals it. */
export function findingsSection({ findings, command: cure, damage }: PageData): HTMLElement {
  const sorted = ORDER.flatMap((severity) => findings.filter((finding) => finding.severity === severity));
  const counts = ORDER.map((severity) => sorted.filter((finding) => finding.severity === severity).length);
  const told = ORDER.flatMap((severity, index) => {
    const count = counts[index] ?? 0;
    return count > 0 ? [counted(count, WORDS[severity])] : [];
  });
  return section(
    'findings',
    'Findings',
    damage === undefined ? undefined : el('p', { class: 'damage', role: 'alert' }, `Damaged: ${damage}`),
    el('p', { class: 'lead' }, told.join(', ') || 'Nothing wrong was found.'),
    cure === '' ? undefined : el('div', { class: 'cure' }, el('h3', {}, 'To heal'), command(cure)),
    ...sorted.map(oneFinding),
  );
}

function oneFinding({
  rule,
  severity,
  title,
  message,
  subjects,
  count,
  command: cure,
  explanation,
}: PageFinding): HTMLElement {
  return el(
    'details',
    { class: `finding ${severity}`, open: severity === 'error' },
    el(
      'summary',
      {},
      el('span', { class: 'badge' }, WORDS[severity]),
      el('span', { class: 'what' }, title || rule),
      el('code', {}, rule),
    ),
    el('p', {}, message),
    subjects.length > 0 ? subjectList(subjects, count) : undefined,
    cure === '' ? undefined : command(cure),
    ...explanation.map(block),
  );
}

function subjectList(subjects: readonly string[], count: number): HTMLElement {
  const item = (subject: string) => el('li', {}, el('code', {}, subject));
  const list = el('ul', { class: 'subjects' }, ...subjects.slice(0, FIRST_SUBJECTS).map(item));
  const rest = count - Math.min(count, FIRST_SUBJECTS);
  if (rest <= 0) return list;
  const unlisted = count - subjects.length;
  const more = el(
    'button',
    {
      type: 'button',
      class: 'link',
      onclick: () => {
        more.replaceWith(...subjects.slice(FIRST_SUBJECTS).map((subject) => el('code', {}, subject)));
        if (unlisted > 0) list.append(el('li', {}, `… ${grouped(unlisted)} more`));
      },
    },
    `… ${grouped(rest)} more`,
  );
  list.append(el('li', { class: 'more' }, more));
  return list;
}

function block({ kind, lines }: PageBlock): HTMLElement {
  if (kind === 'heading') return el('h4', {}, ...prose(lines.join(' ')));
  if (kind === 'paragraph') return el('p', {}, ...prose(lines.join(' ')));
  if (kind === 'list') return el('ul', {}, ...lines.map((line) => el('li', {}, ...prose(line))));
  return el('pre', { class: kind }, lines.join('\n'));
}
