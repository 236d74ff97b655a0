import type { Finding, Severity } from '../diagnose/finding.ts';
import type { CheckDocument, CheckFileEntry } from './check-document.ts';
import { shellWord } from './terminal/findings.ts';

const COMMANDS: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'notice' };

/** Workflow commands of GitHub Actions, one a line: each makes an annotation of a file. */
export function* githubCommands({ files }: CheckDocument): Generator<string> {
  for (const file of files) {
    if (file.error) yield command('error', file, 'unreadable', file.error.message);
    for (const finding of file.findings)
      yield command(COMMANDS[finding.severity], file, finding.rule, messageOf(finding, file));
  }
}

function messageOf({ message, fix }: Finding, { path }: CheckFileEntry): string {
  if (fix.length === 0) return message;
  return `${message}\nHeals it: ckpt-doctor fix ${[path, ...fix].map(shellWord).join(' ')}`;
}

function command(name: string, { path }: CheckFileEntry, title: string, message: string): string {
  return `::${name} file=${property(path)},line=1,title=${property(title)}::${data(message)}`;
}

/** As the runner of GitHub Actions takes it: without this a name in a file could end the command and begin another. */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
