import { runProgram } from './program.ts';

// Not awaited: a command that is imported on demand may stand in the same file of the bundle, which would wait for itself.
runProgram(process.argv.slice(2), process).then((code) => {
  // Never process.exit: what is still on its way to a pipe would be lost.
  process.exitCode = code;
});
