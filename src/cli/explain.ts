import { byteMeaning, ErrorLookup, type ErrorMatch } from '../diagnose/error-lookup.ts';
import { RULES } from '../diagnose/rules/index.ts';
import { matchLines } from '../report/terminal/matches.ts';
import { pageLines } from '../report/terminal/page.ts';
import type { Screen } from '../report/terminal/screen.ts';
import { wrap } from '../report/terminal/text.ts';
import type { Context, GlobalOptions } from './context.ts';
import { tellReason } from './failure.ts';
import { readRulePage, readRulePages } from './pages.ts';
import { screenFor } from './theme.ts';

/** Prints the page of a rule, or finds the rules that speak of the text of an error. */
export async function explain(asked: string, options: GlobalOptions, context: Context): Promise<void> {
  const screen = await screenFor(context, options);
  const name = asked.trim();
  const named = RULES.filter(({ id }) => id === name || id.endsWith(`/${name}`));
  if (named[0] && named.length === 1) return printPage(named[0].id, screen, context);
  if (named.length > 1)
    return tellReason(
      `${named.length} rules are called ${name}: ${named.map(({ id }) => id).join(', ')}`,
      undefined,
      context,
    );
  if (/^[a-z0-9-]+\/[a-z0-9-]+$/.test(name))
    return tellReason(`there is no rule ${name}; ckpt-doctor rules lists them`, undefined, context);
  await explainText(name, screen, context);
}

async function explainText(text: string, screen: Screen, context: Context): Promise<void> {
  const matches = new ErrorLookup(await readRulePages()).find(text);
  const meaning = byteMeaning(text);
  const note = meaning ? [...wrap(meaning, screen.width), ''] : [];
  const [first] = matches;
  if (!first) {
    await context.stdout.write(meaning ? `${note.join('\n')}\n` : '');
    await tellReason(
      'no rule speaks of this text; give the last line of the error in single quotes, or see ckpt-doctor rules',
      undefined,
      context,
    );
    return;
  }
  await context.stdout.write(note.length > 0 ? `${note.join('\n')}\n` : '');
  if (matches.length === 1) await printPage(first.id, screen, context);
  else await context.stdout.write(`${matchLines(matches.map(entryOf), screen).join('\n')}\n`);
}

function entryOf({ id, text }: ErrorMatch): { id: string; title: string; text: string | undefined } {
  return { id, title: RULES.find((rule) => rule.id === id)?.title ?? '', text };
}

async function printPage(id: string, screen: Screen, context: Context): Promise<void> {
  const { markdown } = await readRulePage(id);
  await context.stdout.write(`${pageLines(markdown, screen).join('\n')}\n`);
}
