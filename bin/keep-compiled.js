// A step of the build: runs the command line once, and keeps what V8 compiled on the way for the runs to come.
const { writeFileSync } = require('node:fs');
const { loadProgram } = require('./program.js');

const program = loadProgram();
process.on('exit', () => {
  const { file, data } = program.compiled();
  writeFileSync(file, data);
});
program.run();
