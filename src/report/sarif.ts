import { createHash } from 'node:crypto';
import type {
  Location,
  Log,
  MultiformatMessageString,
  Notification,
  ReportingDescriptor,
  Result,
} from 'sarif';
import type { Finding, Severity } from '../diagnose/finding.ts';
import type { CheckDocument, CheckFileEntry } from './check-document.ts';
import { relativeUri } from './file-uri.ts';
import { shellWord } from './terminal/findings.ts';

/** What SARIF tells of a rule beside its id. */
export interface RulePage {
  readonly title: string;
  readonly severity: Severity;
  /** The page of the rule, as Markdown. */
  readonly page: string;
}

export interface SarifOptions {
  /** Of ckpt-doctor. */
  readonly version: string;
  readonly rules: ReadonlyMap<string, RulePage>;
  /** Folder that paths are told relative to: the top of the repository. */
  readonly folder: string;
}

/** The id under which files that can't be read are told; no rule of the catalogue looks like it. */
export const UNREADABLE_ID = 'unreadable';
const LEVELS = { error: 'error', warning: 'warning', info: 'note' } as const;
/** Names that a message lists; those who want all of them read the JSON. */
const MOST_SUBJECTS = 10;

/**
 * A SARIF 2.1.0 log as GitHub code scanning takes it: paths relative to the repository, line 1 of a file that has no lines (a
 * result without a region is not shown), fingerprints that stay the same from run to run, and the whole page of a rule as its help,
 * so that no address has to be reached.
 */
export function sarifLog(document: CheckDocument, options: SarifOptions): Log {
  const ids = [...new Set(document.files.flatMap(idsOf))].sort();
  const indexes = new Map(ids.map((id, index) => [id, index]));
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'ckpt-doctor',
            semanticVersion: options.version,
            rules: ids.map((id) => descriptor(id, options)),
          },
        },
        columnKind: 'utf16CodeUnits',
        invocations: [
          { executionSuccessful: true, toolExecutionNotifications: notifications(document, options) },
        ],
        results: document.files.flatMap((file) => resultsOf(file, indexes, options)),
      },
    ],
  };
}

function idsOf({ error, findings }: CheckFileEntry): string[] {
  return [...(error ? [UNREADABLE_ID] : []), ...findings.map(({ rule }) => rule)];
}

function descriptor(id: string, { rules }: SarifOptions): ReportingDescriptor {
  const rule = rules.get(id);
  if (!rule) {
    const text = id === UNREADABLE_ID ? 'The file can not be read to its end' : id;
    return { id, shortDescription: { text }, fullDescription: { text }, help: { text } };
  }
  const page = withoutRelativeLinks(rule.page);
  const help: MultiformatMessageString = { text: page, markdown: page };
  return {
    id,
    name: nameOf(id),
    shortDescription: { text: rule.title },
    fullDescription: { text: rule.title },
    help,
    defaultConfiguration: { level: LEVELS[rule.severity] },
    properties: { tags: ['pytorch', 'checkpoint', id.split('/')[0] as string] },
  };
}

/** Pages link to each other by file; inside a log such a link leads nowhere, and what it says is the name of a rule. */
function withoutRelativeLinks(markdown: string): string {
  return markdown.replaceAll(/\[([^\]\n]+)\]\((?!https?:)[^)\s]+\)/g, '$1');
}

/** `device/cuda-tag` as `DeviceCudaTag`. */
function nameOf(id: string): string {
  return id
    .split(/[/-]/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

function resultsOf(
  file: CheckFileEntry,
  indexes: ReadonlyMap<string, number>,
  options: SarifOptions,
): Result[] {
  const locations = [locationOf(file.path, options.folder)];
  const uri = locations[0]?.physicalLocation?.artifactLocation?.uri ?? '';
  const seen = new Map<string, number>();
  const result = (ruleId: string, level: Result['level'] & string, text: string): Result => {
    // a rule may speak several times of a file: the first, the second … are the same from run to run
    const turn = seen.get(ruleId) ?? 0;
    seen.set(ruleId, turn + 1);
    return {
      ruleId,
      ruleIndex: indexes.get(ruleId) as number,
      level,
      message: { text },
      locations,
      partialFingerprints: { primaryLocationLineHash: `${fingerprint(uri, ruleId)}:${turn + 1}` },
    };
  };
  return [
    ...(file.error ? [result(UNREADABLE_ID, 'error', file.error.message)] : []),
    ...file.findings.map((finding) =>
      result(finding.rule, LEVELS[finding.severity], textOf(finding, file.path)),
    ),
  ];
}

function textOf({ message, subjects, count, fix }: Finding, path: string): string {
  const shown = subjects.slice(0, MOST_SUBJECTS).join(', ');
  const rest = count - Math.min(subjects.length, MOST_SUBJECTS);
  return [
    message,
    ...(shown ? [`\nConcerns: ${shown}${rest > 0 ? ` and ${rest} more` : ''}.`] : []),
    ...(fix.length > 0 ? [`\nHeals it: ckpt-doctor fix ${[path, ...fix].map(shellWord).join(' ')}`] : []),
  ].join('');
}

function fingerprint(...parts: string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 16);
}

function locationOf(path: string, folder: string): Location {
  return {
    physicalLocation: { artifactLocation: { uri: relativeUri(path, folder) }, region: { startLine: 1 } },
  };
}

function notifications({ files }: CheckDocument, { folder }: SarifOptions): Notification[] {
  return files
    .filter(({ error }) => error)
    .map(({ path, error }) => ({
      level: 'error',
      message: { text: error?.message ?? '' },
      locations: [locationOf(path, folder)],
    }));
}
