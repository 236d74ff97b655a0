import { InvalidArgumentError } from 'commander';

export const CHECK_FORMATS = ['text', 'json', 'sarif', 'junit', 'markdown', 'github'] as const;
export type CheckFormat = (typeof CHECK_FORMATS)[number];

/** A report that goes to a file. */
export interface ReportTarget {
  readonly format: CheckFormat;
  readonly file: string;
}

const BY_EXTENSION: Readonly<Record<string, CheckFormat>> = {
  txt: 'text',
  json: 'json',
  sarif: 'sarif',
  xml: 'junit',
  md: 'markdown',
};

/** `junit=report.txt`, or a file whose extension says what it is to hold. */
export function parseReportTarget(value: string): ReportTarget {
  const named = CHECK_FORMATS.find((format) => value.startsWith(`${format}=`));
  const file = named ? value.slice(named.length + 1) : value;
  const format = named ?? BY_EXTENSION[file.split('.').at(-1)?.toLowerCase() ?? ''];
  if (file === '') throw new InvalidArgumentError('The name of the file is missing.');
  if (!format) {
    throw new InvalidArgumentError(
      `Write <format>=<file>, or a file that ends in .${Object.keys(BY_EXTENSION).join(', .')}.`,
    );
  }
  return { format, file };
}
