import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

// Loaded before the program (node --import): after as many reads of files as SPOIL_AFTER says, SPOIL_FILE is spoilt in the way that SPOIL_HOW
// names, as another program would do while the file is read.
const { SPOIL_AFTER, SPOIL_FILE, SPOIL_HOW } = process.env;

const WAYS = {
  truncate: () => fs.truncateSync(SPOIL_FILE, 5000),
  grow: () => fs.appendFileSync(SPOIL_FILE, 'more'),
  overwrite: () => {
    const bytes = fs.readFileSync(SPOIL_FILE);
    bytes[bytes.length >> 1] ^= 0x55;
    fs.writeFileSync(SPOIL_FILE, bytes);
  },
  remove: () => fs.rmSync(SPOIL_FILE),
};

const { read } = fs;
let left = Number(SPOIL_AFTER);
fs.read = (...args) => {
  read(...args);
  if (--left === 0) WAYS[SPOIL_HOW]();
};
syncBuiltinESMExports();
