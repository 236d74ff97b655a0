#!/usr/bin/env node
// Holds the findings against what a real torch said of real checkpoints, where such a corpus is on this machine:
//   - no `error` on a file that torch.load takes with weights_only=True on a CPU machine without map_location;
//   - an `error` or `warning`, or a reason why it can't be read, on every file that torch.load refuses.
// usage: npm run test:corpus            (CKPT_DOCTOR_CORPUS names the folder; ../shared/corpus beside the repository by default)
// The folder has `facts.json` (`files: [{ file, weightsOnly: { ok, cause }, locations }]`) and `files/`. Nothing in it is unpickled.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const top = fileURLToPath(new URL('../../', import.meta.url));
const corpus = path.resolve(top, process.env.CKPT_DOCTOR_CORPUS ?? '../shared/corpus');
const cli = process.env.CKPT_DOCTOR_CLI ?? path.join(top, 'bin/ckpt-doctor.js');
/** Files for one run of the command line. */
const CHUNK = 40;

const factsFile = path.join(corpus, 'facts.json');
if (!existsSync(factsFile)) {
  console.log(`no corpus at ${corpus}: nothing was tested (CKPT_DOCTOR_CORPUS names another place)`);
  process.exit(0);
}
const facts = JSON.parse(readFileSync(factsFile, 'utf8')).files;

const alarms = [];
const silences = [];
let loaded = 0;
for (let first = 0; first < facts.length; first += CHUNK) {
  const part = facts.slice(first, first + CHUNK);
  const documents = inspect(part.map(({ file }) => path.join(corpus, 'files', file)));
  part.forEach((fact, index) => {
    judge(fact, documents[index]);
  });
}

for (const line of alarms) console.log(`ALARM   ${line}`);
for (const line of silences) console.log(`SILENCE ${line}`);
console.log(
  `${facts.length} files: ${loaded} that torch loads, ${alarms.length} of them with an error; ${facts.length - loaded} that torch refuses, ${silences.length} of them unexplained`,
);
process.exit(alarms.length + silences.length > 0 ? 1 : 0);

function inspect(files) {
  const run = spawnSync(process.execPath, [cli, 'inspect', '--format', 'json', ...files], {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  const documents = JSON.parse(run.stdout);
  return Array.isArray(documents) ? documents : [documents];
}

/** torch restores no tag but `cpu` and `meta` on such a machine, and weights_only does not come to the tags of a refused pickle. */
function judge({ file, weightsOnly, locations }, { findings, error }) {
  const tags = Object.keys(locations ?? {}).filter((tag) => tag !== 'cpu' && tag !== 'meta');
  const errors = findings.filter(({ severity }) => severity === 'error');
  const said = (list) => list.map(({ rule, message }) => `${rule}: ${message.slice(0, 200)}`).join(' | ');
  if (weightsOnly.ok && tags.length === 0) {
    loaded++;
    if (error) alarms.push(`${file}: unreadable: ${error.message}`);
    else if (errors.length > 0) alarms.push(`${file}: ${said(errors)}`);
    return;
  }
  const why = weightsOnly.ok ? `its tags ${tags.join(', ')}` : weightsOnly.cause;
  if (!error && !findings.some(({ severity }) => severity !== 'info')) silences.push(`${file}: ${why}`);
}
