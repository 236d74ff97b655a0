import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../../src/checkpoint/checkpoint.ts';
import type { Finding } from '../../../src/diagnose/finding.ts';
import { UnreadableError } from '../../../src/io/errors.ts';
import { PyDict, PyFloat } from '../../../src/pickle/values.ts';
import { inspectDocument, listedOf } from '../../../src/report/inspect-document.ts';
import { type InspectReportOptions, inspectReport } from '../../../src/report/terminal/inspect-report.ts';
import { type Inks, NO_INKS, screen } from '../../../src/report/terminal/screen.ts';
import { widthOf } from '../../../src/report/terminal/text.ts';
import { checkpoint, finding, gpt, resnet18, tensor } from '../sample.ts';

function report(
  file: Checkpoint,
  findings: readonly Finding[] = [],
  options: InspectReportOptions = {},
  on: Parameters<typeof screen>[0] = {},
): string {
  const document = inspectDocument(file, findings);
  const lines = inspectReport(document, file, { era: file.container.era, ...options }, screen(on));
  return [...lines].join('\n');
}

function resnet(): { file: Checkpoint; findings: Finding[] } {
  const tensors = resnet18(['state_dict', 'module.'], { location: 'cuda:0' });
  const root = new PyDict(['epoch', 'best_acc1', 'state_dict'], [12, new PyFloat(69.76), new PyDict()]);
  const subjects = tensors.map(({ name }) => name);
  const findings = [
    finding('device/cuda-tag', {
      message:
        'All 122 storages are tagged cuda:0: without CUDA torch.load fails with "Attempting to deserialize".',
      subjects,
      fix: ['--map-location', 'cpu'],
    }),
    finding('keys/module-prefix', {
      message: 'All keys begin with "module.".',
      subjects,
      fix: ['--strip-module'],
    }),
  ];
  return { file: checkpoint(tensors, { root }), findings };
}

describe('inspectReport', () => {
  it('reads well at 80 columns', () => {
    const { file, findings } = resnet();
    expect(report(file, findings)).toMatchSnapshot();
  });

  it('reads well at 40 columns', () => {
    const { file, findings } = resnet();
    expect(report(file, findings, {}, { width: 40 })).toMatchSnapshot();
  });

  it('reads well in ASCII', () => {
    const { file, findings } = resnet();
    const text = report(file, findings, {}, { unicode: false });
    expect(text).toMatch(/^[\n -~]*$/);
    expect(text).toMatchSnapshot();
  });

  it('marks tied weights and tells their names', () => {
    const text = report(checkpoint(gpt(12)));
    expect(text).toMatch(/wte\.weight +float32 \[50257, 768\] {2}tied +154 MB/);
    expect(text).toContain('Shared storage\n  transformer.wte.weight = lm_head.weight  154 MB');
    expect(text).toContain('652 MB, stored in 498 MB');
  });

  it('fits a model of 1 000 tensors on a screen and says what it folded', () => {
    const blocks = Array.from({ length: 83 }, (_, i) =>
      gpt(1).map((each) => `block${i}_${'abc'[i % 3]}.${each.name}`),
    );
    const tensors = blocks.flat().map((name, i) => tensor(name, [i + 1]));
    expect(tensors.length).toBeGreaterThan(1000);
    for (const height of [24, 40, 60]) {
      const lines = report(checkpoint(tensors), [], {}, { height }).split('\n');
      expect(lines.length).toBeLessThan(height);
    }
    expect(report(checkpoint(tensors))).toMatch(/… 1,?\d+ tensors folded; to see more: --all/);
    expect(report(checkpoint(tensors), [], { all: true }).split('\n').length).toBeGreaterThan(1000);
  });

  it('gives one command for all that can be healed, and names what can not', () => {
    const { file, findings } = resnet();
    const text = report(file, [
      ...findings,
      finding('device/meta-storage', { severity: 'error', subjects: ['a'] }),
    ]);
    expect(text).toContain('Findings: 1 error, 2 warnings');
    expect(
      text.endsWith(
        'To heal:\n  ckpt-doctor fix model.pth --map-location cpu --strip-module\nLeft to you: device/meta-storage.',
      ),
    ).toBe(true);
  });

  it('puts the gravest finding first', () => {
    const text = report(checkpoint([]), [
      finding('a/note', { severity: 'info' }),
      finding('b/warning', { severity: 'warning' }),
      finding('c/error', { severity: 'error' }),
    ]);
    expect(text.match(/[abc]\/\w+ {2}/g)).toEqual(['c/error  ', 'b/warning  ', 'a/note  ']);
  });

  it('says plainly that nothing was found, but not of a damaged file', () => {
    expect(report(checkpoint([]))).toContain('✔ Nothing wrong was found.');
    const damaged = checkpoint([tensor('a', [1])], {
      damage: [new UnreadableError('missing-record', 'record data/0 is missing')],
    });
    expect(report(damaged)).toContain('✖ Damaged: record data/0 is missing');
    expect(report(damaged)).not.toContain('Nothing wrong');
  });

  it('quotes paths for the shell', () => {
    const file = checkpoint([], { path: "my model's.pth" });
    expect(report(file, [finding('a/b', { fix: ['--auto'] })])).toContain(
      "ckpt-doctor fix 'my model'\\''s.pth' --auto",
    );
    const dash = checkpoint([], { path: '-x.pth' });
    expect(report(dash, [finding('a/b', { fix: ['--auto'] })])).toContain('ckpt-doctor fix ./-x.pth --auto');
  });

  it('never sends control characters of a file to the terminal', () => {
    const evil = 'a\u001b]0;x\u0007\u202eb\u009b2J';
    const file = checkpoint([tensor(evil, [1], { location: evil }), tensor('b', [1])], {
      path: evil,
      root: new PyDict([evil], [evil]),
      container: { era: evil },
      globals: [{ name: evil, count: 1, weightsOnly: false, offset: 0 }],
      damage: [new UnreadableError('missing-record', evil)],
    });
    const text = report(file, [finding('a/b', { message: evil, subjects: [evil], fix: ['--auto', evil] })], {
      verbose: true,
      filter: evil,
    });
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(text).toContain('a\\e]0;x\\x07\\u202eb\\x9b2J');
  });

  it('keeps lines within the width, but for the command that is there to be copied', () => {
    const { file, findings } = resnet();
    for (const width of [40, 61, 80, 120]) {
      for (const line of report(file, findings, { verbose: true }, { width }).split('\n')) {
        if (!line.startsWith('  ckpt-doctor fix')) expect(widthOf(line)).toBeLessThanOrEqual(width);
      }
    }
  });

  it('changes nothing but colour where there is colour', () => {
    const { file, findings } = resnet();
    // like chalk, which writes out every argument that it is given
    const ink =
      (name: string) =>
      (...texts: string[]) =>
        `<${name}>${texts.join(' ')}</>`;
    const inks = Object.fromEntries(Object.keys(NO_INKS).map((name) => [name, ink(name)])) as unknown as Inks;
    const colored = report(file, findings, {}, { inks });
    expect(colored).toContain('<command>ckpt-doctor fix');
    expect(colored.replaceAll(/<\/?\w*>/g, '')).toBe(report(file, findings).replaceAll(/<\w+>/g, ''));
  });

  it('tells what a filter chose, and how globs work where it chose nothing', () => {
    const model = checkpoint(gpt(2));
    const filtered = (filter: string, take: (name: string) => boolean) =>
      [
        ...inspectReport(
          inspectDocument(model, [], { filter: take }),
          listedOf(model, take),
          { filter },
          screen({}),
        ),
      ].join('\n');
    expect(filtered('**.bias', (name) => name.endsWith('.bias'))).toContain('13 of 29 tensors match **.bias');
    expect(filtered('x', () => false)).toContain(
      "0 of 29 tensors match x: '*' stops at dots, '**' passes them",
    );
  });

  it('leaves only the file and its findings where quiet is asked for', () => {
    const { file, findings } = resnet();
    const lines = report(file, findings, { quiet: true }).split('\n');
    expect(lines[2]).toBe('Findings: 2 warnings');
    expect(lines.at(-1)).toContain('ckpt-doctor fix');
  });

  it('lists the globals where more is asked for', () => {
    const file = checkpoint([], {
      globals: [
        { name: 'collections.OrderedDict', count: 1200, weightsOnly: true, offset: 0 },
        { name: 'os.system', count: 1, weightsOnly: false, offset: 0 },
      ],
    });
    expect(report(file, [], { verbose: true })).toContain(
      'Globals\n  1,200  collections.OrderedDict\n      1  os.system  refused by weights_only',
    );
  });
});
