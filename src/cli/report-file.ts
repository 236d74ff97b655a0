import { open, writeFile } from 'node:fs/promises';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { diagnose } from '../diagnose/engine.ts';
import type { Finding } from '../diagnose/finding.ts';
import type { PayloadFacts } from '../diagnose/payload.ts';
import { RULES } from '../diagnose/rules/index.ts';
import { openCheckpoint } from '../formats/open.ts';
import { isRemote, printableAddress } from '../io/address.ts';
import { RefusedError } from '../io/errors.ts';
import { watchingFiles } from '../io/watched-files.ts';
import type { TensorStatistics } from '../numeric/statistics.ts';
import { htmlPage, PAGE_START } from '../report/html-page.ts';
import { pageData, type RuleText } from '../report/page-builder.ts';
import { PAGE_BINS } from '../report/page-numbers.ts';
import { bytesText } from '../report/terminal/numbers.ts';
import { visible } from '../report/terminal/text.ts';
import type { ReportCommandOptions } from './commands/report.ts';
import type { Context } from './context.ts';
import { tellFailure, tellReason } from './failure.ts';
import { pageAssets } from './page-assets.ts';
import { readRulePage } from './pages.ts';
import { readPayload, withBar } from './read-payload.ts';
import { packageVersion } from './version.ts';

/** Writes the page of one checkpoint. A file that can't be read has none: one line says why, with exit status 2. */
export async function reportFile(
  file: string,
  options: ReportCommandOptions,
  context: Context,
): Promise<void> {
  const name = isRemote(file) ? printableAddress(file) : file;
  try {
    if (options.output !== '-') await refuseOther(options.output);
    await watchingFiles(async (findChange) => {
      const checkpoint = await openCheckpoint(file, options.header ? { headers: options.header } : {});
      try {
        const page = await pageOf(checkpoint, options, context);
        const change = await findChange();
        if (change) throw change;
        await write(page, options, context);
        if (checkpoint.damage[0]) await tellReason(checkpoint.damage[0].message, name, context);
      } finally {
        await checkpoint.close();
      }
    });
  } catch (error) {
    await tellFailure(error, name, context, options);
  }
}

async function pageOf(
  checkpoint: Checkpoint,
  options: ReportCommandOptions,
  context: Context,
): Promise<string> {
  const { payload, statistics } = await readNumbers(checkpoint, options, context);
  const findings = diagnose(checkpoint, { payload });
  const [assets, rules] = await Promise.all([pageAssets(), ruleTexts(findings)]);
  const data = pageData(checkpoint, findings, { version: packageVersion(), rules, statistics });
  return htmlPage(data, assets);
}

interface ReadNumbers {
  readonly payload: PayloadFacts | undefined;
  readonly statistics: readonly TensorStatistics[] | undefined;
}

/** What the tensor bytes tell, where that was asked for. A sample proves nothing of the numbers beside it, so no rule judges it. */
async function readNumbers(
  checkpoint: Checkpoint,
  { values = false, sample = false, ...options }: ReportCommandOptions,
  context: Context,
): Promise<ReadNumbers> {
  const bins = { bins: PAGE_BINS, narrow: true };
  const isWhole = values && !sample;
  const payload = await readPayload(checkpoint, { ...options, values: isWhole && bins }, context);
  if (!sample) return { payload, statistics: payload?.values?.statistics };
  const { computeStatistics } = await import('../numeric/statistics.ts');
  const statistics = await withBar(context, options, (onProgress) =>
    computeStatistics(checkpoint.tensors, { ...bins, sample, onProgress }),
  );
  return { payload, statistics };
}

async function ruleTexts(findings: readonly Finding[]): Promise<ReadonlyMap<string, RuleText>> {
  const ids = new Set(findings.map(({ rule }) => rule));
  const texts = RULES.filter(({ id }) => ids.has(id)).map(
    async ({ id, title }): Promise<[string, RuleText]> => {
      const page = await readRulePage(id).catch(() => undefined);
      return [id, { title, markdown: page?.markdown }];
    },
  );
  return new Map(await Promise.all(texts));
}

/** A slip of the hand must not cost a checkpoint: what stands there already is only replaced where it is such a page. */
async function refuseOther(output: string): Promise<void> {
  const existing = await open(output).catch(() => undefined);
  if (!existing) return;
  try {
    const { buffer, bytesRead } = await existing.read(
      Buffer.alloc(PAGE_START.length),
      0,
      PAGE_START.length,
      0,
    );
    if (bytesRead > 0 && buffer.toString('latin1', 0, bytesRead) !== PAGE_START)
      throw new RefusedError(`${output} exists and is no page of a report; give another name with -o`);
  } finally {
    await existing.close();
  }
}

async function write(page: string, { output, quiet }: ReportCommandOptions, context: Context): Promise<void> {
  if (output === '-') {
    await context.stdout.write(page);
    return;
  }
  await writeFile(output, page).catch((error: Error) => {
    throw new RefusedError(`${output}: the page can't be written: ${error.message}`);
  });
  const told = quiet ? '' : `: ${bytesText(Buffer.byteLength(page))}, open it in a browser`;
  await context.stdout.write(`${visible(output)}${told}\n`);
}
