import { tierOfCall } from '../diagnose/loading.ts';
import { findPickle } from '../formats/find-pickles.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { openFile } from '../io/file-source.ts';
import { type DecodedPickle, decodePickle } from '../pickle/decoder.ts';
import { disassemble, type Instruction } from '../pickle/disassembler.ts';
import { PickleFault } from '../pickle/trace.ts';
import { callableName } from '../pickle/values.ts';
import { inkOfTier } from '../report/terminal/loading-lines.ts';
import { type InstructionNote, PickleListing } from '../report/terminal/pickle-listing.ts';
import { pickleValueLines } from '../report/terminal/pickle-values.ts';
import type { Screen } from '../report/terminal/screen.ts';
import { globalTier } from '../torch/global-tiers.ts';
import type { ShowPickleOptions } from './commands/show-pickle.ts';
import type { Context } from './context.ts';
import { tellFailure } from './failure.ts';
import { screenFor } from './theme.ts';

/** Pickles behind each other: a legacy file has five. */
const MOST_STACKED = 16;

/** Prints the pickle of a file, opcode by opcode or as values. Nothing of it is executed. */
export async function showPickle(
  file: string,
  record: string | undefined,
  options: ShowPickleOptions,
  context: Context,
): Promise<void> {
  let opened: ByteSource | undefined;
  try {
    opened = await openFile(file);
    const { source } = await findPickle(opened, record);
    const screen = await screenFor(context, options);
    let start = 0;
    for (let index = 0; index < MOST_STACKED && start < source.size; index++) {
      if (index > 0 && !(await continues(source, start))) break;
      if (index > 0)
        await context.stdout.write(`\n${screen.inks.title(`pickle ${index + 1}, from byte ${start} on`)}\n`);
      start += options.values
        ? await printValues(source, start, screen, context)
        : await printOpcodes(source, start, screen, context);
    }
    if (start < source.size)
      await context.stderr.write(`${source.size - start} bytes follow, which are no pickle\n`);
  } catch (error) {
    await tellFailure(error, file, context, options);
  } finally {
    await opened?.close?.();
  }
}

/** Picklers start with PROTO and a number since protocol 2; what starts otherwise behind a pickle is data. */
async function continues(source: ByteSource, start: number): Promise<boolean> {
  if (start + 2 > source.size) return false;
  const [first = 0, second = 0] = await source.read(start, 2);
  return first === 0x80 && second >= 2 && second <= 5;
}

/** @returns Bytes of the pickle. */
async function printOpcodes(
  source: ByteSource,
  start: number,
  screen: Screen,
  context: Context,
): Promise<number> {
  const listing = new PickleListing(screen, await notesOf(source, start, screen));
  let end = 0;
  for await (const batch of disassemble(source, start)) {
    await context.stdout.writeAll(linesOf(batch, listing));
    end = (batch.at(-1)?.offset ?? end) + 1;
  }
  return end;
}

function* linesOf(batch: readonly Instruction[], listing: PickleListing): Generator<string> {
  for (const instruction of batch) yield `${listing.line(instruction)}\n`;
}

async function printValues(
  source: ByteSource,
  start: number,
  screen: Screen,
  context: Context,
): Promise<number> {
  const { value, length } = await decodePickle(source, start);
  await context.stdout.writeAll(withLineEnds(pickleValueLines(value, screen)));
  return length;
}

function* withLineEnds(lines: Iterable<string>): Generator<string> {
  for (const line of lines) yield `${line}\n`;
}

/** What a loader would import and call, by the offset of the opcode that does it. A stream that breaks has done something by then. */
async function notesOf(
  source: ByteSource,
  start: number,
  screen: Screen,
): Promise<Map<number, InstructionNote>> {
  const notes = new Map<number, InstructionNote>();
  const trace = await traceOf(source, start);
  for (const { module, name, qualifiedName, offset } of trace?.globals ?? []) {
    const tier = globalTier(module, name);
    const word = tier === 'danger' ? 'dangerous' : tier;
    notes.set(offset, { text: `imports ${qualifiedName} (${word})`, ink: inkOfTier(tier, screen) });
  }
  for (const call of trace?.calls ?? []) {
    const text = `calls ${callableName(call) ?? 'the result of a call'}`;
    notes.set(call.offset, { text, ink: inkOfTier(tierOfCall(call), screen) });
  }
  for (const { kind, what, offset } of trace?.oddities ?? [])
    notes.set(offset, { text: `${kind}: ${what}`, ink: screen.inks.warning });
  return notes;
}

async function traceOf(source: ByteSource, start: number): Promise<DecodedPickle['trace'] | undefined> {
  try {
    return (await decodePickle(source, start)).trace;
  } catch (error) {
    if (error instanceof PickleFault) return error.traces[0]?.trace;
    if (error instanceof UnreadableError) return undefined;
    throw error;
  }
}
