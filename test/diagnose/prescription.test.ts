import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/diagnose/finding.ts';
import { prescribe } from '../../src/diagnose/prescription.ts';

function finding(fix: string[], severity: Finding['severity'] = 'warning'): Finding {
  return {
    rule: 'some/rule',
    severity,
    message: 'It is so.',
    count: 1,
    subjects: ['w'],
    fix,
    docs: 'page.md',
  };
}

const flagsFor = (...fixes: string[][]) => prescribe(fixes.map((fix) => finding(fix))).flags;

describe('prescribe', () => {
  it('merges flags, each once, with their values', () => {
    expect(flagsFor(['--map-location', 'cpu'], ['--strip-module'], ['--map-location', 'cpu'])).toEqual([
      '--map-location',
      'cpu',
      '--strip-module',
    ]);
    expect(flagsFor(['--drop', 'a', '--drop', 'b'], ['--drop', 'b'])).toEqual(['--drop', 'a', '--drop', 'b']);
  });

  it('needs --auto only where nothing else makes fix write the file', () => {
    expect(flagsFor(['--auto'], ['--auto'])).toEqual(['--auto']);
    expect(flagsFor(['--auto'], ['--strip-module'])).toEqual(['--strip-module']);
  });

  it('keeps what no flag heals, but for advice', () => {
    const stuck = finding([]);
    const { flags, unhealed } = prescribe([finding(['--auto']), stuck, finding([], 'info')]);
    expect(flags).toEqual(['--auto']);
    expect(unhealed).toEqual([stuck]);
  });

  it('has nothing to say of a healthy file', () => {
    expect(prescribe([])).toEqual({ flags: [], unhealed: [] });
  });
});
