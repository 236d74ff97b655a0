import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Input, inputOf, readFixtures, truncations } from './inputs.ts';
import { Judge } from './judge.ts';
import { minimise } from './minimise.ts';

// Throws made-up and damaged files at the readers and rules: none may crash, hang or take more memory than it should, and nothing that
// was changed may be called clean. Ends with 1 where something failed; what failed is kept, and made small.
// usage: npm run fuzz -- [--seconds 60] [--seed N] [--workers 2] [--limit 5] [--only N]

const FOLDER = '.fuzz/failures';
const MOST_FAILURES = 20;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    workers: { type: 'string', default: '2' },
    limit: { type: 'string', default: '5' },
    only: { type: 'string' },
  },
});
const seed = Number(values.seed);
const end = Date.now() + Number(values.seconds) * 1000;
const fixtures = readFixtures();
const cuts = truncations(fixtures);
let made = 0;
let failures = 0;

console.log(`seed ${seed}, ${values.seconds} s`);
const work = async (): Promise<void> => {
  const judge = new Judge(new URL('./worker.js', import.meta.url), Number(values.limit));
  for (let input = nextInput(); input; input = nextInput()) {
    const complaint = await judge.complaintOf(input);
    if (complaint !== undefined) await keep(input, complaint, judge);
  }
  await judge.stop();
};
await Promise.all(Array.from({ length: Number(values.workers) }, work));
console.log(`${made} inputs, ${failures} failures (seed ${seed})`);
process.exitCode = failures > 0 ? 1 : 0;

function nextInput(): Input | undefined {
  if (values.only !== undefined) return made++ === 0 ? inputOf(Number(values.only), fixtures) : undefined;
  if (Date.now() > end || failures >= MOST_FAILURES) return undefined;
  made++;
  // every second input is a cut, as long as there are any
  const cut = made % 2 === 0 ? cuts.next().value : undefined;
  return cut ?? inputOf(seed + made, fixtures);
}

async function keep(input: Input, complaint: string, judge: Judge): Promise<void> {
  failures++;
  const kind = complaint.split('\n')[0] as string;
  const smallest = input.original
    ? input.bytes
    : await minimise(
        input.bytes,
        async (bytes) => (await judge.complaintOf({ bytes }))?.split('\n')[0] === kind,
        kind.startsWith('no answer') ? 20 : undefined,
      );
  mkdirSync(FOLDER, { recursive: true });
  const file = `${FOLDER}/${seed}-${failures}.bin`;
  writeFileSync(file, smallest);
  console.log(
    `FAIL ${input.name}: ${complaint}\n     kept as ${file}, ${smallest.length} of ${input.bytes.length} bytes`,
  );
}
