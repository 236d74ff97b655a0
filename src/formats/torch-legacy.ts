import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Tensor } from '../checkpoint/tensor.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import type { DecodedPickle } from '../pickle/decoder.ts';
import { Op } from '../pickle/opcodes.ts';
import type { RecordTrace } from '../pickle/trace.ts';
import { assembleCheckpoint } from './assemble.ts';
import { sourceAnnotations } from './embedded-sources.ts';
import { globalUses, mergedUses } from './global-uses.ts';
import { type LegacyStream, readLegacyStream } from './legacy-stream.ts';

/** Lost tensors that a message names. */
const NAMED = 3;

/** Opens what `torch.save` wrote before 1.6, and still writes with `_use_new_zipfile_serialization=False`. */
export async function openTorchLegacy(source: ByteSource, path: string): Promise<Checkpoint> {
  const stream = await readLegacyStream(source).catch((error: unknown) => {
    throw cutShort(error);
  });
  const { pickle, root, table, sources } = stream;
  const checkpoint = assembleCheckpoint({
    path,
    source,
    container: {
      kind: 'torch-legacy',
      pickleProtocol: pickle.protocol,
      // torch swaps elements on a big-endian machine before it writes them; the `little_endian` of the head is never read
      byteOrder: 'little',
      era: eraOfLegacy(pickle),
    },
    root,
    table,
    pickle,
    traces: await tracesOf(stream, source),
    ...sourceAnnotations(sources),
  });
  return {
    ...checkpoint,
    globals: mergedUses(checkpoint.globals, ...stream.others.map(({ globals }) => globalUses(globals))),
    damage: [...truncation(stream, checkpoint), ...checkpoint.damage],
  };
}

/** All five pickles run when the file is loaded, and what stands behind the last block is looked at too. */
async function tracesOf({ pickle, others, end }: LegacyStream, source: ByteSource): Promise<RecordTrace[]> {
  const own = [pickle, ...others].map(({ trace }) => ({ record: '', trace }));
  if (end >= source.size) return own;
  const { sweepTail } = await import('./sweep.ts');
  return [...own, ...(await sweepTail(source, end))];
}

/** A stream that ends inside its pickles is explained by another rule than a pickle by itself. */
function cutShort(error: unknown): unknown {
  if (!(error instanceof UnreadableError) || error.code !== 'truncated') return error;
  return new UnreadableError(error.code, error.message, error.offset, 'legacy/truncated');
}

/** Which torch wrote the stream, told by the functions that it rebuilds tensors with. */
export function eraOfLegacy(pickle: DecodedPickle): string {
  const names = new Set(pickle.globals.map((global) => global.qualifiedName));
  const byPython2 = (pickle.opcodes[Op.SHORT_BINSTRING] ?? 0) + (pickle.opcodes[Op.BINSTRING] ?? 0) > 0;
  const hand = byPython2 ? ', written by Python 2' : '';
  if (names.has('torch._utils._rebuild_tensor_v3') || names.has('torch.storage.UntypedStorage')) {
    return `torch 2.0 or newer, asked for the legacy form${hand}`;
  }
  if (names.has('torch._utils._rebuild_tensor_v2')) return `torch 0.4 or newer${hand}`;
  if (names.has('torch._utils._rebuild_tensor')) return `torch 0.1.12 to 0.3${hand}`;
  const early = [...names].some((name) => /^torch\.(cuda\.)?[A-Z][A-Za-z]*Tensor$/.test(name));
  return early ? `torch 0.1.10 or 0.1.11${hand}` : `torch before 1.6, or asked for the legacy form${hand}`;
}

/** Says which tensors a stream has that ends before its last block does. */
function truncation({ dataStart, end }: LegacyStream, { source, tensors }: Checkpoint): UnreadableError[] {
  if (dataStart !== undefined && end <= source.size) return [];
  const cut = tensors.filter((tensor) => !isWhole(tensor));
  const lacking = end > source.size ? `, ${end - source.size} bytes short` : '';
  const names = cut.slice(0, NAMED).map(({ name }) => name);
  const more = cut.length > names.length ? ` and ${cut.length - names.length} more` : '';
  const lost = names.length > 0 ? `, lost: ${names.join(', ')}${more}` : '';
  return [
    new UnreadableError(
      'truncated',
      `the file is cut short at byte ${source.size}${lacking}: ${tensors.length - cut.length} of ${tensors.length} tensors are whole${lost}; get the file again`,
      source.size,
    ),
  ];
}

function isWhole({ storage, parts }: Tensor): boolean {
  if (storage && storage.bytes > 0 && (storage.content?.length ?? 0) < storage.bytes) return false;
  return parts.every(isWhole);
}
