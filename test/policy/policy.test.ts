import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config } from '../../src/policy/config.ts';
import { parseConfig } from '../../src/policy/config-schema.ts';
import { type Asked, makePolicy } from '../../src/policy/policy.ts';
import { PRESETS } from '../../src/policy/presets.ts';
import { folderOf } from './folder.ts';

const policyOf = (config: Config, asked?: Asked, folder = '/repo') =>
  makePolicy({ config, folder, file: join(folder, 'c.json') }, asked);

describe('makePolicy', () => {
  it('asks for nothing but what the rules ask themselves, and fails errors', async () => {
    const policy = await policyOf({});
    expect(policy('/repo/a.pth')).toEqual({ settings: new Map(), failOn: 'error', expected: undefined });
  });

  it('lets what names a rule more closely win, wherever it stands', async () => {
    const policy = await policyOf({
      rules: { 'device/cuda-tag': 'off', 'device/*': 'info', '*': 'warning' },
    });
    const { settings } = policy('/repo/a.pth');
    expect(settings.get('device/cuda-tag')?.severity).toBe('off');
    expect(settings.get('device/exotic-tag')?.severity).toBe('info');
    expect(settings.get('keys/module-prefix')?.severity).toBe('warning');
    expect(settings.get('safety/dangerous-call')).toBeUndefined();
    const named = await policyOf({ rules: { 'safety/*': 'info', 'safety/dangerous-call': 'off' } });
    expect(named('/repo/a.pth').settings.get('safety/dangerous-call')?.severity).toBe('off');
    expect(named('/repo/a.pth').settings.get('safety/argument')?.severity).toBe('info');
  });

  it('turns budgets and lists into options of their rules, which keep a severity of their own', async () => {
    const policy = await policyOf({
      rules: { 'budget/file-bytes': 'warning' },
      budgets: { fileBytes: 5, parameters: 6, wastedBytes: 7 },
      allow: { dtypes: ['float32'], locations: ['cpu'], globals: [] },
    });
    expect(Object.fromEntries(policy('/repo/a.pth').settings)).toEqual({
      'budget/file-bytes': { severity: 'warning', options: { max: 5 } },
      'budget/parameters': { options: { max: 6 } },
      'budget/wasted-bytes': { options: { max: 7 } },
      'policy/dtype': { options: { allow: ['float32'] } },
      'policy/location': { options: { allow: ['cpu'] } },
      'policy/global': { options: { allow: [] } },
    });
  });

  it('layers presets, configuration, overrides and command line, the last on top', async () => {
    const config: Config = {
      extends: ['strict', 'cpu-serving'],
      rules: { 'device/cuda-tag': 'info' },
      budgets: { fileBytes: 5 },
      overrides: [
        { files: ['legacy/**'], rules: { 'device/cuda-tag': 'off' }, failOn: 'info' },
        { files: ['*.bin'], budgets: { fileBytes: null } },
      ],
    };
    const policy = await policyOf(config);
    const severity = (path: string) => policy(path).settings.get('device/cuda-tag')?.severity;
    const budget = (path: string) => policy(path).settings.get('budget/file-bytes')?.options?.max;
    expect(severity('/repo/a.pth')).toBe('info');
    expect(severity('/repo/legacy/x/a.pth')).toBe('off');
    expect(policy('/repo/a.pth').failOn).toBe('error');
    expect(policy('/repo/legacy/a.bin').failOn).toBe('info');
    expect(budget('/repo/legacy/a.bin')).toBe(Number.POSITIVE_INFINITY);
    expect(budget('/repo/legacy/a.pth')).toBe(5);
    expect(budget('/elsewhere/legacy/a.pth')).toBe(5);
    expect(severity('/elsewhere/legacy/a.pth')).toBe('info');
    const asked = await policyOf(config, { failOn: 'warning', presets: ['release'] });
    expect(asked('/repo/legacy/a.bin').failOn).toBe('warning');
    expect(asked('/repo/a.pth').settings.get('legacy/format')?.severity).toBe('warning');
  });

  it('reads the keys of the model beside the configuration, and those of the command line over them', async () => {
    const keys = (name: string) => ({ schema: 'ckpt-doctor/keys/1', keys: { [name]: { shape: [1] } } });
    const folder = folderOf({ 'a.json': keys('a'), 'b.json': keys('b') });
    const config: Config = { expect: 'a.json', overrides: [{ files: ['*.bin'], expect: null }] };
    const names = async (file: string, asked?: Asked) => [
      ...((await policyOf(config, asked, folder))(join(folder, file)).expected?.keys.keys() ?? []),
    ];
    expect(await names('x.pth')).toEqual(['a']);
    expect(await names('x.bin')).toEqual([]);
    expect(await names('x.bin', { expect: join(folder, 'b.json') })).toEqual(['b']);
    await expect(policyOf({ expect: 'c.json' }, undefined, folder)).rejects.toThrow(/c\.json: no such file/);
  });
});

describe('the presets', () => {
  it.each(Object.entries(PRESETS))('%s is a valid configuration of rules that exist', (_, preset) => {
    expect(() => parseConfig(preset, 'preset')).not.toThrow();
  });
});
