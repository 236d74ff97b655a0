import { runProgram } from './program.ts';

// Not awaited: a command that is imported on demand may stand in the same file of the bundle, which would wait for itself.
runProgram(process.argv.slice(2), process).then(async (code) => {
  // what is still on its way to a pipe would be lost
  await Promise.all([written(process.stdout), written(process.stderr)]);
  // to end by itself, the process would first free the value graph piece by piece
  process.exit(code);
});

/** Resolves when all that was written so far is out of our hands, or can't be. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => resolve());
  });
}
