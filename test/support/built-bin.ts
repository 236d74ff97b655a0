import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';

/** The launcher over a build that is no older than the sources. */
export function builtBin(): string {
  const newest = Math.max(
    ...readdirSync('src', { recursive: true, encoding: 'utf8' }).map(
      (name) => statSync(path.join('src', name)).mtimeMs,
    ),
  );
  const built = statSync('dist/bin/main.cjs', { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (built < newest)
    execFileSync('npm', ['run', 'build'], { stdio: 'pipe', shell: process.platform === 'win32' });
  return path.resolve('bin/ckpt-doctor.js');
}
