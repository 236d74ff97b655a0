import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { define as defineFix } from '../../src/cli/commands/fix.ts';
import { define as defineUndo } from '../../src/cli/commands/undo.ts';
import type { Context } from '../../src/cli/context.ts';
import { operationsOf, stepsOfFlags } from '../../src/fix/steps.ts';

function flagsOf(define: (command: Command, context: Context) => void): string[] {
  const command = new Command();
  define(command, {} as Context);
  return command.options.map(({ long }) => long as string);
}

const flags = flagsOf(defineFix);
const pages = ['docs/fix.md', 'docs/in-place.md'].map((page) => readFileSync(page, 'utf8'));

describe('docs/fix.md and docs/in-place.md', () => {
  it('have every flag of fix', () => {
    // what every command has is told elsewhere
    const own = flags.filter((flag) => flag !== '--all-subjects');
    expect(own.length).toBeGreaterThan(20);
    expect(own.filter((flag) => !pages[0]?.includes(flag))).toEqual([]);
  });

  it('have no flag that is not there', () => {
    const named = pages.join('\n').match(/--[a-z][a-z-]+/g) ?? [];
    expect(named.filter((flag) => ![...flags, ...flagsOf(defineUndo)].includes(flag))).toEqual([]);
  });

  it('tell the order in which the steps are done', () => {
    const [, order = ''] = /in this order whatever[^:]*: ([^.]*)\./s.exec(pages[0] ?? '') ?? [];
    const steps = order.match(/--[a-z-]+/g)?.filter((flag) => flag !== '--strip-module') ?? [];
    const values: Record<string, string> = {
      '--dtype': 'float16',
      '--map-location': 'cpu',
      '--target-torch': '1.13',
      '--rename': 'a=b',
    };
    const words = steps.toReversed().flatMap((flag) => [flag, values[flag] ?? 'x']);
    const names = operationsOf(stepsOfFlags(words)).map(({ name }) => `--${name.split(' ')[0]}`);
    expect(names.map((name) => (name === '--strip-module' ? '--strip-prefix' : name))).toEqual(steps);
  });
});
