import { describe, expect, it } from 'vitest';
import { compileNameGlobs } from '../../src/checkpoint/name-glob.ts';

const NAMES = [
  'conv1.weight',
  'layers.0.attn.q.weight',
  'layers.0.attn.q.bias',
  'layers.10.mlp.bias',
  '.hidden.weight',
  'a/b.weight',
  'weight',
];

async function matching(...globs: string[]): Promise<string[]> {
  return NAMES.filter(await compileNameGlobs(globs));
}

describe('compileNameGlobs', () => {
  it('stops a star at a dot and lets two stars pass', async () => {
    expect(await matching('*.weight')).toEqual(['conv1.weight', 'a/b.weight']);
    expect(await matching('**.weight')).toEqual([
      'conv1.weight',
      'layers.0.attn.q.weight',
      '.hidden.weight',
      'a/b.weight',
      'weight',
    ]);
    expect(await matching('layers.0.**')).toEqual(['layers.0.attn.q.weight', 'layers.0.attn.q.bias']);
  });

  it('knows braces, classes and exclusions', async () => {
    expect(await matching('layers.[0-9].attn.q.{weight,bias}')).toHaveLength(2);
    expect(await matching('layers.*.!(attn).bias')).toEqual(['layers.10.mlp.bias']);
  });

  it('takes any of several globs, and a name without wildcards as itself alone', async () => {
    expect(await matching('weight', 'conv1.*')).toEqual(['conv1.weight', 'weight']);
    expect(await matching('layers')).toEqual([]);
  });

  it('does not take a slash in a name for a dot', async () => {
    expect(await matching('a.b.weight')).toEqual([]);
    expect(await matching('a/b.weight')).toEqual(['a/b.weight']);
  });
});
