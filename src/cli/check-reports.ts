import { writeFile } from 'node:fs/promises';
import { RefusedError } from '../io/errors.ts';
import type { CheckDocument } from '../report/check-document.ts';
import type { CheckReportOptions } from '../report/terminal/check-report.ts';
import { type Screen, screen } from '../report/terminal/screen.ts';
import type { Context, GlobalOptions } from './context.ts';
import type { CheckFormat, ReportTarget } from './report-target.ts';
import { screenFor } from './theme.ts';

/** Prints one report, after the files of the others are written: what fails on the way is told before anything looks complete. */
export async function writeReports(
  document: CheckDocument,
  targets: readonly ReportTarget[],
  format: CheckFormat,
  options: CheckReportOptions & GlobalOptions,
  context: Context,
): Promise<void> {
  for (const target of targets) {
    const text = [...(await piecesOf(target.format, document, options, screen({ unicode: true })))].join('');
    await writeFile(target.file, text).catch((error: Error) => {
      throw new RefusedError(`${target.file}: the report can't be written: ${error.message}`);
    });
  }
  const paper = await screenFor(context, options);
  await context.stdout.writeAll(await piecesOf(format, document, options, paper));
}

/** The text of a report. Each format is loaded when it is asked for. */
async function piecesOf(
  format: CheckFormat,
  document: CheckDocument,
  options: CheckReportOptions,
  paper: Screen,
): Promise<Iterable<string>> {
  switch (format) {
    case 'json':
      return [`${JSON.stringify(document, null, 2)}\n`];
    case 'sarif': {
      const [{ sarifLog }, { sarifOptions }] = await Promise.all([
        import('../report/sarif.ts'),
        import('./rule-pages.ts'),
      ]);
      return [`${JSON.stringify(sarifLog(document, await sarifOptions(document)), null, 2)}\n`];
    }
    case 'junit': {
      const { junitXml } = await import('../report/junit.ts');
      return [junitXml(document)];
    }
    case 'markdown': {
      const { markdownReport } = await import('../report/markdown.ts');
      return [markdownReport(document)];
    }
    case 'github': {
      const { githubCommands } = await import('../report/github.ts');
      return withLineEnds(githubCommands(document));
    }
    case 'text': {
      const { checkReport } = await import('../report/terminal/check-report.ts');
      return withLineEnds(checkReport(document, options, paper));
    }
  }
}

function* withLineEnds(lines: Iterable<string>): Generator<string> {
  for (const line of lines) yield `${line}\n`;
}
