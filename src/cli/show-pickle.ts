import { findPickle } from '../formats/find-pickles.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { openFile } from '../io/file-source.ts';
import { decodePickle } from '../pickle/decoder.ts';
import { disassemble } from '../pickle/disassembler.ts';
import { PickleFault, type PickleTrace } from '../pickle/trace.ts';
import { failureEntry } from '../report/failure-entry.ts';
import { type PickleEvent, pickleEvents } from '../report/pickle-events.ts';
import { PickleJson } from '../report/pickle-json.ts';
import { PickleListing } from '../report/terminal/pickle-listing.ts';
import { pickleValueLines } from '../report/terminal/pickle-values.ts';
import type { ShowPickleOptions } from './commands/show-pickle.ts';
import type { Context } from './context.ts';
import { tellFailure } from './failure.ts';
import { OutputClosed } from './output.ts';
import { screenFor } from './theme.ts';

/** Pickles behind each other: a legacy file has five. */
const MOST_STACKED = 16;

/** Prints what was found, in one of the formats. */
interface Printer {
  begin(bytes: number, record: string): Promise<void>;
  /** Prints the pickle that begins at `start`. @returns Its bytes. */
  pickle(source: ByteSource, start: number, index: number): Promise<number>;
  /** @param trailing Bytes behind the last pickle. */
  end(trailing: number): Promise<void>;
  /** What was printed until then stays. */
  fail(error: unknown): Promise<void>;
}

/** Prints the pickle of a file, opcode by opcode or as values. Nothing of it is executed. */
export async function showPickle(
  file: string,
  record: string | undefined,
  options: ShowPickleOptions,
  context: Context,
): Promise<void> {
  const printer =
    options.format === 'json' ? jsonPrinter(file, options, context) : await textPrinter(options, context);
  let opened: ByteSource | undefined;
  try {
    opened = await openFile(file);
    const found = await findPickle(opened, record);
    const { source } = found;
    await printer.begin(opened.size, found.record);
    let start = 0;
    for (let index = 0; index < MOST_STACKED && start < source.size; index++) {
      if (index > 0 && !(await continues(source, start))) break;
      start += await printer.pickle(source, start, index);
    }
    await printer.end(source.size - start);
  } catch (error) {
    if (error instanceof OutputClosed) throw error;
    await printer.fail(error);
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

async function textPrinter(options: ShowPickleOptions, context: Context): Promise<Printer> {
  const { stdout, stderr } = context;
  const screen = await screenFor(context, options);
  return {
    async begin() {},
    async pickle(source, start, index) {
      if (index > 0)
        await stdout.write(`\n${screen.inks.title(`pickle ${index + 1}, from byte ${start} on`)}\n`);
      if (options.values) {
        const { value, length } = await decodePickle(source, start);
        await stdout.writeAll(eachOnLine(pickleValueLines(value, screen)));
        return length;
      }
      const listing = new PickleListing(screen, await eventsOf(source, start));
      return disassembleTo(source, start, (batch) =>
        stdout.writeAll(eachOnLine(batch.map((instruction) => listing.line(instruction)))),
      );
    },
    async end(trailing) {
      if (trailing > 0) await stderr.write(`${trailing} bytes follow, which are no pickle\n`);
    },
    async fail() {},
  };
}

function jsonPrinter(path: string, options: ShowPickleOptions, { stdout }: Context): Printer {
  const document = new PickleJson();
  let hasBegun = false;
  return {
    async begin(bytes, record) {
      hasBegun = true;
      await stdout.write(document.head({ path, bytes, ...(record !== '' && { record }) }));
    },
    async pickle(source, start) {
      if (options.values) {
        const { value, length } = await decodePickle(source, start);
        await stdout.writeAll(document.values(start, length, value));
        return length;
      }
      const events = await eventsOf(source, start);
      await stdout.write(document.open(start));
      const length = await disassembleTo(source, start, (batch) =>
        stdout.writeAll(document.opcodes(batch, events)),
      );
      await stdout.write(document.close(length));
      return length;
    },
    end: (trailing) => stdout.write(document.end(trailing)),
    async fail(error) {
      const head = hasBegun ? '' : document.head({ path });
      await stdout.write(head + document.end(0, failureEntry(error)));
    },
  };
}

type Instructions = Parameters<PickleJson['opcodes']>[0];

/** @returns Bytes of the pickle. */
async function disassembleTo(
  source: ByteSource,
  start: number,
  print: (batch: Instructions) => Promise<void>,
): Promise<number> {
  let end = 0;
  for await (const batch of disassemble(source, start)) {
    await print(batch);
    end = (batch.at(-1)?.offset ?? end) + 1;
  }
  return end;
}

function* eachOnLine(lines: Iterable<string>): Generator<string> {
  for (const line of lines) yield `${line}\n`;
}

/** What a loader would do at which opcode. A stream that breaks has done something by then. */
async function eventsOf(source: ByteSource, start: number): Promise<Map<number, PickleEvent[]>> {
  const trace = await traceOf(source, start);
  return trace ? pickleEvents(trace) : new Map();
}

async function traceOf(source: ByteSource, start: number): Promise<PickleTrace | undefined> {
  try {
    return (await decodePickle(source, start)).trace;
  } catch (error) {
    if (error instanceof PickleFault) return error.traces[0]?.trace;
    if (error instanceof UnreadableError) return undefined;
    throw error;
  }
}
