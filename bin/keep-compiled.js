// A step of the build: runs the command line once, and keeps what V8 compiled on the way for the runs to come.
import { writeFileSync } from 'node:fs';
import { loadProgram } from './program.js';

const program = loadProgram();
process.on('exit', () => {
  const { file, data } = program.compiled();
  writeFileSync(file, data);
});
program.run();
