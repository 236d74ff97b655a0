import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';

/** A file in a tar archive. */
export interface TarMember {
  readonly name: string;
  /** Offset in the archive of the first byte of its content. */
  readonly offset: number;
  readonly size: number;
}

const BLOCK = 512;
/** Headers stand one before each member, so a list costs a read a member; no checkpoint has this many. */
const MAX_MEMBERS = 10_000;
/** A long name or a PAX header takes some hundred bytes. */
const MAX_EXTENSION = 64 * 1024;

const REGULAR = new Set(['0', '\0', '7']);

/**
 * Lists the regular files of a tar archive (ustar, with the long names of PAX and GNU).
 * @throws UnreadableError `bad-archive` for a damaged header, `truncated` for a member that passes the end of the archive.
 */
export async function readTarDirectory(source: ByteSource): Promise<TarMember[]> {
  const members: TarMember[] = [];
  let longName: string | undefined;
  let longSize: number | undefined;
  for (let at = 0; at + BLOCK <= source.size; ) {
    const header = await bufferAt(source, at, BLOCK);
    // two zero blocks end the archive; some writers leave one, or none
    if (header.every((byte) => byte === 0)) break;
    checkHeader(header, at);
    const type = header.toString('latin1', 156, 157);
    const size = (REGULAR.has(type) ? longSize : undefined) ?? numberAt(header, 124, 12);
    const offset = at + BLOCK;
    if (!(offset + size <= source.size)) {
      throw new UnreadableError(
        'truncated',
        `tar member ${JSON.stringify(nameOf(header).slice(0, 60))} of ${size} bytes at offset ${offset} passes the end of the file at ${source.size}; get the file again`,
        offset,
      );
    }
    if (type === 'x' || type === 'L') {
      const text = (await bufferAt(source, offset, Math.min(size, MAX_EXTENSION))).toString('utf8');
      if (type === 'L') longName = text.replace(/\0.*$/s, '');
      else ({ path: longName = longName, size: longSize } = paxRecords(text));
    } else {
      if (REGULAR.has(type)) members.push({ name: longName ?? nameOf(header), offset, size });
      longName = undefined;
      longSize = undefined;
      if (members.length >= MAX_MEMBERS) break;
    }
    at = offset + Math.ceil(size / BLOCK) * BLOCK;
  }
  return members;
}

async function bufferAt(source: ByteSource, offset: number, length: number): Promise<Buffer> {
  const bytes = await source.read(offset, length);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The checksum counts its own field as spaces. */
function checkHeader(header: Buffer, offset: number): void {
  let sum = 8 * 0x20;
  for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += header[i] as number;
  if (sum === numberAt(header, 148, 8)) return;
  throw new UnreadableError(
    'bad-archive',
    `tar header at offset ${offset} is damaged: its checksum does not match; get the file again`,
    offset,
  );
}

/** Octal text, or a big-endian number where the first bit is set (GNU, for 8 GiB and more). */
function numberAt(header: Buffer, start: number, length: number): number {
  if ((header[start] as number) & 0x80) return Number(header.readBigUInt64BE(start + length - 8));
  const digits = header
    .toString('latin1', start, start + length)
    .replace(/[\0 ]+/g, ' ')
    .trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : digits === '' ? 0 : Number.NaN;
}

function nameOf(header: Buffer): string {
  const text = (start: number, end: number) => header.toString('utf8', start, end).replace(/\0.*$/s, '');
  // only ustar proper has a prefix there
  const prefix = header.toString('latin1', 257, 263) === 'ustar\0' ? text(345, 500) : '';
  return prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`;
}

/** Lines of `length key=value`. */
function paxRecords(text: string): { path?: string; size?: number } {
  const records: { path?: string; size?: number } = {};
  for (const [, key, value = ''] of text.matchAll(/^\d+ ([^=\n]+)=(.*)$/gm)) {
    if (key === 'path') records.path = value;
    if (key === 'size' && /^\d{1,15}$/.test(value)) records.size = Number(value);
  }
  return records;
}
