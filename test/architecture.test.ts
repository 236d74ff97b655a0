import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * The floors of the house, and the folders of each. A folder imports from floors above it, and not from its neighbours.
 * What diagnoses builds on the arithmetic of elements, what heals on both, and what compares on what heals, so these are floors of
 * their own.
 */
const FLOORS: readonly (readonly string[])[] = [
  ['vector'],
  ['io'],
  ['zip', 'pickle'],
  ['torch'],
  ['checkpoint'],
  ['formats'],
  ['numeric'],
  ['diagnose'],
  ['policy', 'fix'],
  ['compare'],
  ['report'],
  ['cli'],
];
const floorOf = (folder: string): number => FLOORS.findIndex((folders) => folders.includes(folder));

const FILES = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.split(path.sep).join('/'));

/** What runs in a browser: built into the page by itself, it takes nothing of the house but plain functions and types. */
const PAGE = 'report/html/';
const SHARED: readonly string[] = ['report/terminal/numbers.ts', 'report/packed-histogram.ts'];

const text = (file: string): string => readFileSync(`src/${file}`, 'utf8');
const lines = (file: string): number => text(file).split('\n').length - 1;

interface Import {
  readonly file: string;
  /** As it is written; for our own files the path below src. */
  readonly target: string;
  readonly own: boolean;
  /** Nothing of it is there when the program runs. */
  readonly typeOnly: boolean;
}

const STATIC = /^(?:import|export)\b(?<type> type\b)?(?:[^;']*?\bfrom)? '(?<target>[^']+)';$/gm;
const DYNAMIC = /\bimport\('(?<target>[^']+)'\)/g;

/** Everything that a file takes from elsewhere. */
const IMPORTS: readonly Import[] = FILES.flatMap((file) =>
  [...text(file).matchAll(STATIC), ...text(file).matchAll(DYNAMIC)].map(({ groups }) => {
    const written = groups?.target ?? '';
    const own = written.startsWith('.');
    const target = own ? path.posix.join(path.posix.dirname(file), written) : written;
    return { file, target, own, typeOnly: groups?.type !== undefined };
  }),
);

describe('the house', () => {
  it('has files and imports to be judged', () => {
    expect(FILES.length).toBeGreaterThan(100);
    expect(IMPORTS.length).toBeGreaterThan(FILES.length);
  });

  it('gives every folder a floor', () => {
    const folders = [
      ...new Set(FILES.filter((file) => file.includes('/')).map((file) => file.split('/')[0] ?? '')),
    ];
    expect(folders.filter((folder) => floorOf(folder) < 0)).toEqual([]);
    expect(FILES.filter((file) => !file.includes('/'))).toEqual(['index.ts']);
  });

  it('imports one way', () => {
    const wrong = IMPORTS.filter(({ file, target, own }) => {
      const [from = '', to = ''] = [file.split('/')[0], target.split('/')[0]];
      return own && file !== 'index.ts' && from !== to && floorOf(to) >= floorOf(from);
    });
    expect(wrong.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it('leaves the face and the command line to those who come from outside', () => {
    const wrong = IMPORTS.filter(
      ({ file, target }) => target === 'index.ts' || (file === 'index.ts' && target.startsWith('cli/')),
    );
    expect(wrong).toEqual([]);
  });

  it('imports own files by their names, and they exist', () => {
    const files = new Set(FILES);
    expect(IMPORTS.filter(({ own, target }) => own && !files.has(target))).toEqual([]);
  });

  it('keeps a file to one noun', () => {
    expect(FILES.filter((file) => lines(file) > 400).map((file) => `${file}: ${lines(file)} lines`)).toEqual(
      [],
    );
    expect(FILES.filter((file) => /^diagnose\/rules\/.+\//.test(file) && lines(file) > 100)).toEqual([]);
  });

  it('keeps the page apart from what runs in Node', () => {
    const inPage = IMPORTS.filter(({ file }) => file.startsWith(PAGE));
    const wrong = inPage.filter(({ target, own, typeOnly }) => {
      if (typeOnly || target.startsWith(PAGE)) return false;
      return own ? !SHARED.includes(target) : target !== 'd3-hierarchy';
    });
    expect(inPage.length).toBeGreaterThan(10);
    expect(wrong).toEqual([]);
    expect(IMPORTS.filter(({ file, target }) => !file.startsWith(PAGE) && target.startsWith(PAGE))).toEqual(
      [],
    );
  });

  it('names files in lower case with dashes', () => {
    expect(
      FILES.filter((file) => !/^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(file)),
    ).toEqual([]);
  });

  it('executes nothing, and asks the network for nothing', () => {
    const forbidden = /^(node:)?(child_process|vm|net|tls|dgram|http|https|http2|dns)$/;
    // to try a binding that can take the process with it takes a process
    const allowed = ['numeric/tfjs.ts'];
    expect(IMPORTS.filter(({ file, target }) => forbidden.test(target) && !allowed.includes(file))).toEqual(
      [],
    );
    expect(FILES.filter((file) => /\beval\(|\bnew Function\(/.test(text(file)))).toEqual([]);
  });
});

describe('the package', () => {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8'));

  it('runs nothing when it is installed', () => {
    const scripts = Object.keys(manifest.scripts);
    expect(scripts.filter((name) => /^(pre|post)?install$/.test(name))).toEqual([]);
  });

  it('depends on these at run time, and on no other', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(RUNTIME);
    expect(manifest.optionalDependencies).toBeUndefined();
    const peers = Object.keys(manifest.peerDependencies);
    expect(peers).toEqual(['@tensorflow/tfjs-node-gpu']);
    for (const name of peers) expect(manifest.peerDependenciesMeta[name]).toEqual({ optional: true });
  });

  it('imports what it depends on and what Node has, and nothing else', () => {
    const packages = IMPORTS.filter(
      ({ file, own, typeOnly, target }) =>
        !own && !typeOnly && !target.startsWith('node:') && !file.startsWith(PAGE),
    ).map(({ target }) => target);
    const names = packages.map((target) =>
      target
        .split('/')
        .slice(0, target.startsWith('@') ? 2 : 1)
        .join('/'),
    );
    expect([...new Set(names)].sort()).toEqual([...RUNTIME].sort());
  });

  it('publishes what is built, and neither sources nor tests', () => {
    expect(manifest.files).toEqual(['bin', 'dist', 'docs', 'schemas', 'CHANGELOG.md']);
    expect(manifest.license).toBe('MIT');
    expect(manifest.engines).toEqual({ node: '>=20.19' });
  });
});

/** Each is a decision: what it does for us stands beside it. */
const RUNTIME = [
  // colours that honour NO_COLOR and what the terminal can show
  'chalk',
  'cli-progress',
  'commander',
  // finds the configuration of a project
  'lilconfig',
  // globs over names of tensors, and over files
  'picomatch',
  'tinyglobby',
  // checks the shape of configuration and baseline files
  'valibot',
];
