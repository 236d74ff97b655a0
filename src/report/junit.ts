import type { Finding } from '../diagnose/finding.ts';
import type { CheckDocument, CheckFileEntry } from './check-document.ts';
import { shellWord } from './terminal/findings.ts';

/**
 * JUnit XML: a test case for each file. What fails a file is its failure, what keeps it from being read its error, and the rest its
 * output.
 */
export function junitXml(document: CheckDocument): string {
  const { files, failed, unreadable } = document.totals;
  const counts = `tests="${files}" failures="${failed}" errors="${unreadable}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="ckpt-doctor" ${counts}>`,
    `  <testsuite name="ckpt-doctor check" ${counts} skipped="0">`,
    ...document.files.map(testCase),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function testCase(file: CheckFileEntry): string {
  const head = `    <testcase classname="${attribute(folderOf(file.path))}" name="${attribute(file.path)}"`;
  const body = outcome(file);
  return body ? `${head}>\n${body}\n    </testcase>` : `${head}/>`;
}

function outcome({ path, status, error, findings }: CheckFileEntry): string {
  const text = escaped(findings.map((finding) => findingText(finding, path)).join('\n\n'));
  if (error && status === 'unreadable')
    return `      <error type="${attribute(error.code)}" message="${attribute(error.message)}">${text}</error>`;
  if (status === 'failed') {
    const [gravest] = findings;
    const message = `${gravest?.rule ?? 'failed'}: ${gravest?.message ?? ''}`;
    return `      <failure type="${attribute(gravest?.rule ?? 'failed')}" message="${attribute(message)}">${text}</failure>`;
  }
  return text && `      <system-out>${text}</system-out>`;
}

function findingText({ severity, rule, message, subjects, count, fix, docs }: Finding, path: string): string {
  const rest = count - subjects.length;
  return [
    `${severity} ${rule}: ${message}`,
    ...subjects.map((subject) => `  ${subject}`),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
    ...(fix.length > 0 ? [`heal: ckpt-doctor fix ${[path, ...fix].map(shellWord).join(' ')}`] : []),
    `page: ${docs}`,
  ].join('\n');
}

function folderOf(path: string): string {
  return path.replaceAll('\\', '/').split('/').slice(0, -1).join('/') || '.';
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** The value of an attribute, in which a parser would take a line end for a space. */
function attribute(text: string): string {
  return escaped(text).replaceAll('\n', '&#10;').replaceAll('\t', '&#9;');
}

/** XML text. What XML 1.0 has no way to say, such as most control characters, becomes U+FFFD. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\u0020-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"]/g, (character) => ENTITIES[character] as string);
}
