import { docsPath } from '../diagnose/engine.ts';
import { RULES } from '../diagnose/rules/index.ts';
import { rulesDocument } from '../report/rules-document.ts';
import type { RulesCommandOptions } from './commands/rules.ts';
import type { Context } from './context.ts';

/** Prints every rule, in the order of the catalogue within its category. */
export async function listRules(options: RulesCommandOptions, context: Context): Promise<void> {
  if (options.format === 'json') {
    await context.stdout.write(`${JSON.stringify(rulesDocument(RULES, docsPath), null, 2)}\n`);
    return;
  }
  const [{ rulesReport }, { screenFor }] = await Promise.all([
    import('../report/terminal/rules-report.ts'),
    import('./theme.ts'),
  ]);
  const lines = rulesReport(RULES, await screenFor(context, options));
  await context.stdout.write(`${lines.join('\n')}\n`);
}
