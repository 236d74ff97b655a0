import { describe, expect, it } from 'vitest';
import { githubCommands } from '../../src/report/github.ts';
import { HOSTILE, sampleRun } from './check-sample.ts';

/** As the runner of GitHub Actions reads a line. */
function read(line: string) {
  const [, name, properties = '', message = ''] = line.match(/^::(\w+) ([^:]*)::(.*)$/s) ?? [];
  const plain = (text: string) =>
    text.replace(/%(25|0D|0A|3A|2C)/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  const pairs = properties
    .split(',')
    .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as const);
  return {
    name,
    message: plain(message),
    ...Object.fromEntries(pairs.map(([key, value]) => [key, plain(value)])),
  };
}

describe('githubCommands', () => {
  it('makes an annotation of every finding and unreadable file', () => {
    const lines = [...githubCommands(sampleRun())];
    expect(lines[0]).toBe(
      '::warning file=models/warned.pth,line=1,title=device/cuda-tag::The file has device/cuda-tag.%0AHeals it: ckpt-doctor fix models/warned.pth --map-location cpu',
    );
    expect(lines.map((line) => read(line).name)).toEqual(['warning', 'notice', 'error', 'warning', 'error']);
    expect(read(lines[2] as string)).toMatchObject({
      file: 'models/failed, one.pth',
      title: 'pickle/protocol',
      line: '1',
    });
    expect(read(lines[4] as string)).toMatchObject({
      title: 'unreadable',
      message: 'zip archive of 9 bytes is cut short',
    });
  });

  it('is one command a line, whatever a file holds, and says it back', () => {
    const findings = [{ ...sampleRun().files[2]?.findings[0] }] as never;
    const lines = [...githubCommands(sampleRun([{ path: HOSTILE, status: 'failed', findings }]))];
    for (const line of lines) expect(line).not.toMatch(/[\r\n]/);
    expect(read(lines.at(-1) as string)).toMatchObject({ file: HOSTILE, message: `It holds ${HOSTILE}.` });
  });
});
