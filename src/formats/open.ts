import { dirname, join } from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { isRemote, printableAddress, siblingAddress } from '../io/address.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { openFile } from '../io/file-source.ts';
import type { RemoteOptions } from '../io/http-source.ts';
import { findJournaled } from '../io/journal-path.ts';
import { PickleFault, type RecordTrace } from '../pickle/trace.ts';
import { detect } from './detect.ts';
import { openArchive } from './open-archive.ts';

/** A checkpoint in a tar in a gzip is three; nobody packs deeper, but a made file may hold itself. */
const MOST_NESTED = 4;

/** What a remote file needs besides its address, and how closely archives are looked at. */
export interface OpenOptions extends RemoteOptions {
  /**
   * Read the local header of every record of an archive, which says where its content begins. Where torch wrote the archive that is
   * known without, so to look at a checkpoint is cheaper; to copy its bytes takes certainty.
   */
  readonly everyHeader?: boolean;
}

/** Opens another file of the same checkpoint by its name: a shard beside its index. */
export type OpenSibling = (name: string) => Promise<ByteSource>;

/** Names of the files in a folder of torch.distributed.checkpoint. */
const DISTCP_PART = /(^|[\\/])(\.metadata|__\d+_\d+\.distcp)$/;

/** Each of them is several archives, or the description of all: none is a checkpoint without its folder. */
async function refuseLonePart(path: string): Promise<void> {
  const folder = dirname(path);
  const metadata = await openFile(join(folder, '.metadata')).catch(() => undefined);
  await metadata?.close?.();
  if (!metadata) return;
  throw new UnreadableError(
    'unsupported',
    `the file is a part of a torch.distributed.checkpoint folder, and nothing without the others; give the folder (${folder})`,
  );
}

/**
 * Opens a checkpoint: a file, or a folder that is known to hold one. Close it when done. Where a fix in place of the file was
 * interrupted, that is its first damage, and it is shown as it was before.
 * @param path A path of the file system, `-` for standard input, or an address: `https://…`, `hf://org/name/file`.
 * @throws UnreadableError when the file can't be had, is no checkpoint (the message names what it is), or is damaged.
 */
export async function openCheckpoint(path: string, options: OpenOptions = {}): Promise<Checkpoint> {
  if (path === '-') {
    const { openStdin } = await import('../io/stdin-source.ts');
    return openSource(await openStdin(), path, undefined, options);
  }
  if (isRemote(path)) {
    const { openRemote } = await import('../io/http-source.ts');
    const sibling = async (name: string) => {
      const address = siblingAddress(path, name);
      if (address !== undefined) return openRemote(address, options);
      const { leadsElsewhere } = await import('./folder-files.ts');
      throw leadsElsewhere(name);
    };
    return openSource(await openRemote(path, options), printableAddress(path), sibling, options);
  }
  const journaled = findJournaled(path);
  let source: ByteSource;
  try {
    source = await openFile(path);
  } catch (error) {
    if (!(error instanceof UnreadableError && error.code === 'is-directory')) throw error;
    const { openFolder } = await import('./folder.ts');
    return openFolder(path);
  }
  const open = async (bytes: ByteSource) => {
    if (DISTCP_PART.test(path)) await refuseLonePart(path);
    const sibling = async (name: string) => {
      const { FolderFiles } = await import('./folder-files.ts');
      return new FolderFiles(dirname(path)).open(name);
    };
    return openSource(bytes, path, sibling, options);
  };
  try {
    const file = await journaled;
    if (file === undefined) return await open(source);
    const { openInterrupted } = await import('./interrupted.ts');
    return await openInterrupted(source, file, open);
  } catch (error) {
    await source.close?.();
    throw error;
  }
}

/**
 * Opens a checkpoint from any source of bytes; `path` is what reports call it. Same errors as `openCheckpoint`.
 * @param sibling Needed only where the checkpoint is an index of shards.
 */
export async function openSource(
  source: ByteSource,
  path = '<memory>',
  sibling?: OpenSibling,
  { everyHeader }: Pick<OpenOptions, 'everyHeader'> = {},
): Promise<Checkpoint> {
  try {
    return await openAt(source, path, { sibling, everyHeader }, 0);
  } catch (error) {
    throw error instanceof UnreadableError ? await withTraces(error, source) : error;
  }
}

/** A file is no less hostile for being damaged: what its pickles would have done goes with the error. */
async function withTraces(error: UnreadableError, source: ByteSource): Promise<UnreadableError> {
  const { sweepFile } = await import('./sweep.ts');
  const traces = await sweepFile(source).catch(() => []);
  const seen = new Set(traces.map(deeds));
  // of parts of the file that only their own reader finds
  const told = error instanceof PickleFault ? error.traces.filter((trace) => !seen.has(deeds(trace))) : [];
  return traces.length > 0 ? new PickleFault(error, [...traces, ...told]) : error;
}

/** What a pickle does, as a text: the same pickle may have been met under another name. */
function deeds({ trace: { globals, calls } }: RecordTrace): string {
  return JSON.stringify([globals.map((global) => global.qualifiedName), calls.map((call) => call.offset)]);
}

interface Surroundings {
  readonly sibling?: OpenSibling | undefined;
  readonly everyHeader?: boolean | undefined;
}

/** @param depth How many files it stands in. */
async function openAt(
  source: ByteSource,
  path: string,
  { sibling, everyHeader }: Surroundings,
  depth: number,
): Promise<Checkpoint> {
  if (depth > MOST_NESTED) {
    throw new UnreadableError(
      'limit',
      `archives stand in each other more than ${MOST_NESTED} deep; unpack them first`,
    );
  }
  const openInner = (inner: ByteSource) => openAt(inner, path, { everyHeader }, depth + 1);
  // the rarer formats are loaded when they are met: start-up time counts
  switch (await detect(source)) {
    case 'zip':
      return openArchive(source, path, openInner, everyHeader);
    case 'torch-legacy': {
      const { openTorchLegacy } = await import('./torch-legacy.ts');
      return openTorchLegacy(source, path);
    }
    case 'pickle': {
      const { openPlainPickle } = await import('./plain-pickle.ts');
      return openPlainPickle(source, path);
    }
    case 'tar': {
      const { openTar } = await import('./tar.ts');
      return openTar(source, path, openInner);
    }
    case 'gzip': {
      const { openGzip } = await import('./unpack.ts');
      return openGzip(source, openInner);
    }
    case 'safetensors': {
      const { openSafetensors } = await import('./safetensors.ts');
      return openSafetensors(source, path);
    }
    case 'sharded-index': {
      const { openShardedIndex } = await import('./sharded-index.ts');
      return openShardedIndex(source, path, sibling);
    }
  }
}
