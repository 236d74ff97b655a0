import type { Checkpoint, Container } from '../checkpoint/checkpoint.ts';
import { type ByteSource, MemorySource, SubSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { isRange, readSegment, type Segment } from '../io/segment.ts';
import { retold } from './retold.ts';
import type { TarMember } from './tar-directory.ts';

/** What is compressed has to be unpacked into memory to be read at random; beyond this the user does it, on disk. */
const LARGEST_UNPACKED = 256 * 2 ** 20;
const CHUNK = 256 * 1024;
/** Names of files that may be a checkpoint, in an archive of files. */
const CHECKPOINT_NAME = /\.(pth|pt|bin|ckpt|pkl|pickle|t7|model|safetensors)(\.tar)?$/i;

/** Opens a checkpoint that stands inside another file. */
export type OpenInner = (source: ByteSource) => Promise<Checkpoint>;

/** A file inside an archive of files. */
export interface InnerFile {
  readonly name: string;
  readonly content: Segment;
}

/**
 * Opens the checkpoint that was compressed by gzip.
 * @throws UnreadableError `unsupported` where it is too large, `truncated` and `bad-archive` where the stream is damaged, and what
 * the inner file throws.
 */
export async function openGzip(source: ByteSource, open: OpenInner): Promise<Checkpoint> {
  const bytes = await gunzip(source);
  const checkpoint = await open(new MemorySource(bytes)).catch((error: unknown) => {
    throw inside('after gunzip', error);
  });
  return within(source, checkpoint, 'gzip', 'gzip-compressed', null);
}

async function gunzip(source: ByteSource): Promise<Buffer> {
  const [{ createGunzip }, { pipeline, Readable }] = await Promise.all([
    import('node:zlib'),
    import('node:stream'),
  ]);
  const inflater = createGunzip({ chunkSize: CHUNK });
  // an error on either side destroys the other; it comes out of the loop below
  pipeline(Readable.from(chunksOf(source)), inflater, () => {});
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of inflater as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > LARGEST_UNPACKED) {
        throw new UnreadableError(
          'unsupported',
          `the file is gzip-compressed and unpacks to more than ${LARGEST_UNPACKED} bytes; decompress it with gunzip first`,
          undefined,
          'content/gzip',
        );
      }
      chunks.push(chunk);
    }
  } catch (error) {
    throw gzipError(error);
  }
  return Buffer.concat(chunks, length);
}

async function* chunksOf(source: ByteSource): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < source.size; at += CHUNK) {
    yield await source.read(at, Math.min(CHUNK, source.size - at));
  }
}

function gzipError(error: unknown): unknown {
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (!code.startsWith('Z_')) return error;
  return code === 'Z_BUF_ERROR'
    ? new UnreadableError(
        'truncated',
        'the file is gzip-compressed and cut short; get the file again',
        undefined,
        'content/gzip',
      )
    : new UnreadableError(
        'bad-archive',
        `the file is gzip-compressed and damaged (${message}); get the file again`,
        undefined,
        'content/gzip',
      );
}

/** Opens the one checkpoint among the files of a tar archive. @throws UnreadableError as `openOnly`. */
export async function openTarMember(
  source: ByteSource,
  members: readonly TarMember[],
  open: OpenInner,
): Promise<Checkpoint> {
  const files = members.map(({ name, offset, size }) => ({
    name,
    content: { source, offset, length: size },
  }));
  const checkpoint = await openOnly(source, files, 'tar', open);
  const opened = new Set(checkpointFiles(files).map(({ name }) => name));
  const { sweepMembers } = await import('./sweep-members.ts');
  const others = members.filter(({ name }) => !opened.has(name));
  return { ...checkpoint, traces: [...(checkpoint.traces ?? []), ...(await sweepMembers(source, others))] };
}

/**
 * Opens the one file of an archive that may be a checkpoint by its name.
 * @param kind What the archive is: `tar`, `zip`.
 * @throws UnreadableError `not-a-checkpoint` where there are none or several; `unsupported` where it is too large to be unpacked.
 */
export async function openOnly(
  source: ByteSource,
  files: readonly InnerFile[],
  kind: 'tar' | 'zip',
  open: OpenInner,
): Promise<Checkpoint> {
  const candidates = checkpointFiles(files);
  const [file] = candidates;
  if (!file || candidates.length > 1) {
    const names = candidates.slice(0, 3).map(({ name }) => JSON.stringify(name.slice(0, 60)));
    const found =
      candidates.length > 1
        ? `${candidates.length} of them may be checkpoints (${names.join(', ')} …)`
        : 'none of them is a checkpoint by its name';
    throw new UnreadableError(
      'not-a-checkpoint',
      `the file is a ${kind} archive of ${files.length} files, and ${found}; unpack it and give one of its files`,
      undefined,
      'content/archive',
    );
  }
  const checkpoint = await openInnerFile(file, open);
  const offset = isRange(file.content) ? file.content.offset : null;
  return within(
    source,
    checkpoint,
    kind,
    `file ${JSON.stringify(file.name.slice(0, 60))} of a ${kind} archive`,
    offset,
  );
}

/** The files that may be checkpoints by their names; what macOS adds to archives is none. */
export function checkpointFiles(files: readonly InnerFile[]): InnerFile[] {
  return files.filter(({ name }) => CHECKPOINT_NAME.test(name) && !/(^|\/)(__MACOSX\/|\._)/.test(name));
}

/** @throws UnreadableError what the inner file throws, with its name; `unsupported` where it would have to be unpacked and is too large. */
export async function openInnerFile({ name, content }: InnerFile, open: OpenInner): Promise<Checkpoint> {
  if (!isRange(content) && content.length > LARGEST_UNPACKED) {
    throw new UnreadableError(
      'unsupported',
      `the file is an archive around ${JSON.stringify(name.slice(0, 60))}, compressed, of ${content.length} bytes; unpack it first`,
    );
  }
  const source = isRange(content)
    ? new SubSource(content.source, content.offset, content.length)
    : new MemorySource(await readSegment(content, LARGEST_UNPACKED));
  return open(source).catch((error: unknown) => {
    throw inside(`in ${JSON.stringify(name.slice(0, 60))}`, error);
  });
}

/** An offset inside says nothing of the file itself, so it goes. */
function inside(where: string, error: unknown): unknown {
  return error instanceof UnreadableError
    ? retold(error, `${where}: ${error.message}`, undefined, error.rule)
    : error;
}

/**
 * The checkpoint as one of the file around it.
 * @param offset Where it stands in that file; null where it was unpacked.
 */
function within(
  outer: ByteSource,
  checkpoint: Checkpoint,
  wrapper: NonNullable<Container['wrapper']>,
  words: string,
  offset: number | null,
): Checkpoint {
  for (const storage of checkpoint.storages) {
    // nobody has seen these storages yet
    (storage as { fileOffset: number | null }).fileOffset =
      offset === null || storage.fileOffset === null ? null : storage.fileOffset + offset;
  }
  const { era } = checkpoint.container;
  return {
    ...checkpoint,
    container: { ...checkpoint.container, era: era === undefined ? words : `${era}, ${words}`, wrapper },
    fileSize: outer.size,
    close: async () => {
      await checkpoint.close();
      await outer.close?.();
    },
  };
}
