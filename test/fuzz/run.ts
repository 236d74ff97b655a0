import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Input, inputOf, readMaterial, truncations } from './inputs.ts';
import { Judge } from './judge.ts';
import { minimise } from './minimise.ts';

// Throws made-up and damaged files at the readers and rules: none may crash, hang or take more memory than it should, and nothing that
// was changed may be called clean. Ends with 1 where something failed; what failed is kept, and made small.
// usage: npm run fuzz -- [--seconds 60 | --inputs N] [--seed N] [--workers 2] [--limit 5] [--only N]

const FOLDER = '.fuzz/failures';
const MOST_FAILURES = 20;
/** Megabytes of the whole process, for one worker and for each further one. */
const MEMORY_MB = 300;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    inputs: { type: 'string' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    workers: { type: 'string', default: '2' },
    limit: { type: 'string', default: '5' },
    only: { type: 'string' },
  },
});
const seed = Number(values.seed);
const end =
  values.inputs === undefined ? Date.now() + Number(values.seconds) * 1000 : Number.POSITIVE_INFINITY;
const most = Number(values.inputs ?? Number.POSITIVE_INFINITY);
const memoryLimit = MEMORY_MB * Number(values.workers);
const material = await readMaterial();
const cuts = truncations(material);
let made = 0;
let failures = 0;

console.log(`seed ${seed}, ${values.inputs === undefined ? `${values.seconds} s` : `${most} inputs`}`);
const work = async (): Promise<void> => {
  const judge = new Judge(new URL('./worker.js', import.meta.url), Number(values.limit));
  for (let input = nextInput(); input; input = nextInput()) {
    const complaint = await judge.complaintOf(input);
    if (complaint !== undefined) await keep(input, complaint, judge);
  }
  await judge.stop();
};
await Promise.all(Array.from({ length: Number(values.workers) }, work));
console.log(`${made} inputs, ${failures} failures, ${peak()} MB at most (seed ${seed})`);
if (peak() > memoryLimit) console.log(`FAIL more than ${memoryLimit} MB`);
process.exitCode = failures > 0 || peak() > memoryLimit ? 1 : 0;

/** Megabytes that the process has had at most, all its threads included. */
function peak(): number {
  return Math.round(process.resourceUsage().maxRSS / 1024);
}

function nextInput(): Input | undefined {
  if (values.only !== undefined) return made++ === 0 ? inputOf(Number(values.only), material) : undefined;
  if (Date.now() > end || made >= most || failures >= MOST_FAILURES) return undefined;
  made++;
  // every second input is a cut, as long as there are any
  const cut = made % 2 === 0 ? cuts.next().value : undefined;
  return cut ?? inputOf(seed + made, material);
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
