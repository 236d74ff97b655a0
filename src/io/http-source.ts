import { type ByteSource, checkRange, MemorySource } from './byte-source.ts';
import { deadlineSignal } from './deadline.ts';
import { RefusedError, UnreadableError } from './errors.ts';
import { isPrivateHost } from './private-host.ts';

export interface RemoteOptions {
  /** Sent with every request to the host that was asked for; not to another one that it redirects to. Never printed. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** The first request: enough to tell the container, and most small pickles. */
const FIRST_READ = 64 * 1024;
/** Without ranges a file has to be fetched whole; beyond this that is a download, which is for the user to decide. */
const LARGEST_WHOLE = 64 * 2 ** 20;
const MOST_REDIRECTS = 8;
const PATIENCE_MS = 60_000;
const HUGGING_FACE = 'https://huggingface.co';

/**
 * Opens a file on a server, of which only what is asked for is fetched, by HTTP ranges. A token for the Hugging Face hub is taken from
 * `HF_TOKEN`; `CKPT_DOCTOR_OFFLINE` keeps everything off the network.
 *
 * @throws RefusedError when the network is turned off or the address is none; UnreadableError `not-found`, `permission` or `io` by what
 * the server says, `unsupported` where it has no ranges and the file is large.
 */
export async function openRemote(path: string, options: RemoteOptions = {}): Promise<ByteSource> {
  const { env = process.env } = options;
  if (env.CKPT_DOCTOR_OFFLINE) {
    throw new RefusedError(
      'the network is turned off by CKPT_DOCTOR_OFFLINE; download the file, or unset it',
    );
  }
  const headers = new Headers({ 'accept-encoding': 'identity', ...options.headers });
  if (/^hf:/i.test(path) && env.HF_TOKEN && !headers.has('authorization')) {
    headers.set('authorization', `Bearer ${env.HF_TOKEN}`);
  }
  return HttpSource.open(addressOf(path), headers);
}

/** `hf://org/name/folder/file` is that file on the main branch; `hf://org/name@revision/file` on another. */
function addressOf(path: string): URL {
  const hub = /^hf:\/\/([^/]+)\/([^/@]+)(?:@([^/]+))?\/(.+)$/i.exec(path);
  if (hub) {
    const [, org, name, revision = 'main', file = ''] = hub;
    const parts = file.split('/').map(encodeURIComponent).join('/');
    return new URL(`${HUGGING_FACE}/${org}/${name}/resolve/${encodeURIComponent(revision)}/${parts}`);
  }
  if (/^hf:/i.test(path)) throw new RefusedError('an address of the hub has the form hf://org/name/file');
  try {
    return new URL(path);
  } catch {
    throw new RefusedError('the address can not be read as a URL');
  }
}

/** What tells one version of a remote file from another. */
interface Version {
  readonly size: number;
  readonly tag: string | null;
}

class HttpSource implements ByteSource {
  readonly size: number;
  readonly #address: URL;
  readonly #headers: Headers;
  readonly #version: Version;
  /** The first bytes, which were fetched to learn the size. */
  readonly #head: Uint8Array;

  private constructor(address: URL, headers: Headers, version: Version, head: Uint8Array) {
    this.size = version.size;
    this.#address = address;
    this.#headers = headers;
    this.#version = version;
    this.#head = head;
  }

  static async open(asked: URL, headers: Headers): Promise<ByteSource> {
    const { response, address, headers: kept } = await request(asked, headers, `bytes=0-${FIRST_READ - 1}`);
    if (response.status === 200) return whole(response);
    // a server says 416 of the first byte of an empty file
    if (response.status === 416) return new MemorySource(new Uint8Array(0));
    const range = contentRange(response, 0);
    if (range.length > FIRST_READ) {
      await response.body?.cancel();
      throw answer(`gave ${range.length} bytes from 0, asked for ${FIRST_READ}`);
    }
    const head = await bodyOf(response, range.length);
    return new HttpSource(address, kept, { size: range.size, tag: versionTag(response) }, head);
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    checkRange(this.size, offset, length);
    if (offset + length <= this.#head.byteLength) return this.#head.subarray(offset, offset + length);
    if (length === 0) return new Uint8Array(0);
    const { response } = await request(
      this.#address,
      this.#headers,
      `bytes=${offset}-${offset + length - 1}`,
    );
    if (response.status !== 206) throw changed('does not answer ranges any more');
    const range = contentRange(response, offset);
    if (range.size !== this.size || versionTag(response) !== this.#version.tag) {
      await response.body?.cancel();
      throw changed('is another one now');
    }
    if (range.length !== length)
      throw answer(`gave ${range.length} bytes from ${offset}, asked for ${length}`);
    return bodyOf(response, length);
  }
}

/** Asks for a range, following redirects by hand: a token meant for one host must not reach another. */
async function request(
  asked: URL,
  given: Headers,
  range: string,
): Promise<{ response: Response; address: URL; headers: Headers }> {
  let address = asked;
  let headers = given;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const sent = new Headers(headers);
    sent.set('range', range);
    const response = await fetch(address, {
      headers: sent,
      redirect: 'manual',
      signal: AbortSignal.any([AbortSignal.timeout(PATIENCE_MS), ...deadlineSignal()]),
    }).catch((error: unknown) => {
      throw unreachable(error);
    });
    const location = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || location === null) {
      await checkStatus(response);
      return { response, address, headers };
    }
    await response.body?.cancel();
    const next = new URL(location, address);
    if (next.protocol !== 'https:' && next.protocol !== 'http:') {
      throw answer(`redirects to ${next.protocol}, which is no web address`);
    }
    if (address.protocol === 'https:' && next.protocol === 'http:') {
      throw answer('redirects from https to http, which anybody on the way can change');
    }
    if (isPrivateHost(next.hostname) && !isPrivateHost(address.hostname)) {
      throw answer(`redirects to ${next.hostname}, an address inside your own network`);
    }
    if (next.host !== address.host) headers = new Headers({ 'accept-encoding': 'identity' });
    address = next;
  }
  throw answer(`redirects more than ${MOST_REDIRECTS} times`);
}

async function checkStatus(response: Response): Promise<void> {
  const { status } = response;
  if (status === 200 || status === 206 || status === 416) {
    const coding = response.headers.get('content-encoding');
    if (!coding || coding === 'identity') return;
    await response.body?.cancel();
    throw answer(`sends the file compressed (${coding}), so that ranges of it mean nothing`);
  }
  await response.body?.cancel();
  if (status === 404 || status === 410) {
    throw new UnreadableError('not-found', `the server has no such file (HTTP ${status}); check the address`);
  }
  if (status === 401 || status === 403) {
    throw new UnreadableError(
      'permission',
      `the server refuses the file (HTTP ${status}); give a token with --header 'Authorization: Bearer …', or HF_TOKEN for hf:// addresses`,
    );
  }
  throw answer(`says HTTP ${status}; try again later`);
}

/** `bytes first-last/size`. */
function contentRange(response: Response, offset: number): { length: number; size: number } {
  const text = response.headers.get('content-range') ?? '';
  const [, first, last, size] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(text) ?? [];
  const length = Number(last) - Number(first) + 1;
  if (size === undefined || Number(first) !== offset || length < 1 || Number(last) >= Number(size)) {
    throw answer(`gave the range '${text.slice(0, 60)}' where bytes from ${offset} were asked for`);
  }
  return { length, size: Number(size) };
}

function versionTag({ headers }: Response): string | null {
  return headers.get('etag') ?? headers.get('last-modified');
}

/** Exactly `length` bytes of a body that may be endless or cut short. */
async function bodyOf(response: Response, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let at = 0;
  try {
    for await (const chunk of response.body ?? []) {
      if (at + chunk.byteLength > length)
        throw answer(`sent more than the ${length} bytes that it announced`);
      bytes.set(chunk, at);
      at += chunk.byteLength;
    }
  } catch (error) {
    throw error instanceof UnreadableError ? error : unreachable(error);
  }
  if (at < length) throw answer(`ended after ${at} of ${length} bytes`);
  return bytes;
}

/** The whole file, from a server that has no ranges. */
async function whole(response: Response): Promise<ByteSource> {
  const length = Number(response.headers.get('content-length') ?? Number.NaN);
  if (!Number.isSafeInteger(length) || length > LARGEST_WHOLE) {
    await response.body?.cancel();
    throw new UnreadableError(
      'unsupported',
      `the server does not answer ranges, and the file is ${Number.isSafeInteger(length) ? `${length} bytes long` : 'of unknown length'}; download it first`,
    );
  }
  return new MemorySource(await bodyOf(response, length));
}

function answer(what: string): UnreadableError {
  return new UnreadableError('io', `the server ${what}`);
}

function changed(what: string): UnreadableError {
  return new UnreadableError('changed', `the remote file ${what}; run it again`);
}

function unreachable(error: unknown): UnreadableError {
  const cause = error instanceof Error ? ((error.cause as Error | undefined) ?? error) : undefined;
  const why = (cause as NodeJS.ErrnoException | undefined)?.code ?? cause?.name ?? 'no answer';
  return new UnreadableError('io', `the server can't be reached (${why}); check the address and the network`);
}
