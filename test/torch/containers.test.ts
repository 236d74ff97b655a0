import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './program.ts';
import { pythonWithTorch, Torch } from './torch.ts';

interface Container {
  readonly file: string;
  readonly kind: string;
  /** What the loader of the container gives, saved by torch.save. */
  readonly loaded?: string;
}

const CONTAINERS: readonly Container[] = JSON.parse(
  readFileSync('fixtures/containers/expected.json', 'utf8'),
).files;
const folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-containers-'));
const at = (file: string) => path.resolve('fixtures/containers', file);
let torch: Torch;

beforeAll(async () => {
  torch = await Torch.start(pythonWithTorch());
});

afterAll(() => {
  torch?.stop();
  rmSync(folder, { recursive: true });
});

describe('fix of another container', () => {
  it.concurrent.each(CONTAINERS.filter(({ loaded }) => loaded))(
    '$file is what its own loader gives, bit for bit',
    async ({ file, loaded }) => {
      const output = path.join(folder, `${path.basename(file)}.pth`);
      const fixed = await run('fix', at(file), '--map-location', 'cpu', '--verify', 'full', '-o', output);
      expect(fixed, fixed.stderr).toMatchObject({ status: 0 });
      expect(await torch.compare(at(loaded as string), output, { trust: true })).not.toHaveProperty('faults');
    },
  );
});
