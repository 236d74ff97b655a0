import { describe, expect, it } from 'vitest';
import {
  checkDocument,
  checkEntry,
  checkFiles,
  diagnose,
  findFiles,
  githubCommands,
  junitXml,
  makePolicy,
  markdownReport,
  openCheckpoint,
  prescribe,
  RULES,
  readTensor,
  sarifLog,
} from '../src/index.ts';
import { run } from './cli/run.ts';

const FOLDER = 'fixtures/torch-1.13';

describe('the library', () => {
  it('gates a folder as the command does', async () => {
    const { files } = await findFiles([FOLDER]);
    const policy = await makePolicy(
      { config: { extends: ['cpu-serving'] }, folder: process.cwd(), file: undefined },
      { failOn: 'warning' },
    );
    const document = checkDocument((await checkFiles(files, policy)).map((each) => checkEntry(each)));
    const command = ['check', FOLDER, '--no-config', '--preset', 'cpu-serving', '--fail-on', 'warning'];
    const { stdout } = await run([...command, '--format', 'json', '--all-subjects']);
    expect(JSON.parse(JSON.stringify(document))).toEqual(JSON.parse(stdout));
    expect(document.totals.failed).toBeGreaterThan(0);
    expect(document.totals.passed).toBeGreaterThan(0);

    const title = (id: string) => RULES.find((rule) => rule.id === id)?.title ?? '';
    const ids = document.files.flatMap(({ findings }) => findings.map(({ rule }) => rule));
    const rules = new Map(
      ids.map((id) => [id, { title: title(id), severity: 'error' as const, page: `# ${id}` }]),
    );
    const log = sarifLog(document, { version: '1.0.0', rules, folder: process.cwd() });
    expect(log.runs[0]?.results).toHaveLength(ids.length);
    expect(junitXml(document)).toContain('device/cuda-tag');
    expect(markdownReport(document)).toContain('device/cuda-tag');
    expect([...githubCommands(document)].join('\n')).toContain(
      '::error file=fixtures/torch-1.13/ddp_cuda.pth',
    );
  });

  it('opens, diagnoses and reads', async () => {
    const checkpoint = await openCheckpoint('fixtures/broken/ddp_cuda.pth');
    const [tensor] = checkpoint.tensors;
    expect(prescribe(diagnose(checkpoint)).flags).toEqual(['--map-location', 'cpu', '--strip-module']);
    expect(await readTensor(tensor as NonNullable<typeof tensor>)).toHaveLength(tensor?.elements ?? 0);
    await checkpoint.close();
  });
});
