import type { ExplainedCalls, ExplainedGlobal, Loading } from '../../diagnose/loading.ts';
import { grouped } from './numbers.ts';
import type { Ink, Screen } from './screen.ts';
import { visible } from './text.ts';

type Tier = ExplainedGlobal['tier'];

const WORDS: Readonly<Record<Tier, string>> = {
  torch: 'weights_only takes it',
  vetted: 'vetted, with its arguments',
  unknown: 'unknown',
  danger: 'dangerous',
};

/** Runs of calls that are shown at each end of a long list. */
const SHOWN_RUNS = 40;

/** What loading the file would import and run, for a person; nothing of it was run to find out. */
export function loadingLines({ globals, calls, moreCalls }: Loading, screen: Screen): string[] {
  const { inks } = screen;
  if (globals.length === 0 && calls.length === 0) return ['To load the file nothing is imported or called.'];
  const runs = calls.length > SHOWN_RUNS ? calls.slice(0, SHOWN_RUNS) : calls;
  const rest = calls.length - runs.length + moreCalls;
  return [
    inks.title('What loading would import'),
    ...globals.map((each) => globalLine(each, screen)),
    '',
    inks.title('What loading would run, in this order'),
    ...runs.map((each) => callLine(each, screen)),
    ...(rest > 0 ? [inks.faint(`  and ${grouped(rest)} more runs of calls (--format json lists more)`)] : []),
  ];
}

export function inkOfTier(tier: Tier, { inks }: Pick<Screen, 'inks'>): Ink {
  if (tier === 'danger') return inks.error;
  return tier === 'unknown' ? inks.warning : (text) => text;
}

function globalLine({ name, tier, count, record, offset }: ExplainedGlobal, screen: Screen): string {
  const { inks, glyphs, unicode } = screen;
  const uses = inks.number(grouped(count).padStart(8));
  const place = inks.faint(`first at ${placeText(record, offset, unicode)}`);
  return `${uses}  ${inkOfTier(tier, screen)(visible(name, unicode))}${glyphs.dot}${WORDS[tier]}${glyphs.dot}${place}`;
}

function callLine({ name, tier, opcode, record, offset, count }: ExplainedCalls, screen: Screen): string {
  const { inks, glyphs, unicode } = screen;
  const times = count > 1 ? ` ${glyphs.times} ${grouped(count)}` : '';
  const place = inks.faint(`${opcode} at ${placeText(record, offset, unicode)}`);
  return `  ${inkOfTier(tier, screen)(`${visible(name, unicode)}()`)}${times}${glyphs.dot}${place}`;
}

function placeText(record: string, offset: number, unicode: boolean): string {
  return record === '' ? String(offset) : `${offset} of ${visible(record, unicode)}`;
}
