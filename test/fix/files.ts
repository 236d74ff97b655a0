import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import yauzl from 'yauzl';

/** A folder that goes with the tests, and copies of fixtures in folders of their own. */
export function workshop() {
  const folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-'));
  let count = 0;
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const place = (): string => {
    const own = path.join(folder, String(count++));
    mkdirSync(own);
    return own;
  };
  return {
    place,
    /** A copy of a fixture, alone in a folder. */
    copy(file: string, name = path.basename(file)): string {
      const target = path.join(place(), name);
      copyFileSync(path.join('fixtures', file), target);
      return target;
    },
    /** What else is in the folder of a file. */
    beside: (file: string): string[] =>
      readdirSync(path.dirname(file)).filter((name) => name !== path.basename(file)),
  };
}

export interface ForeignEntry {
  readonly name: string;
  readonly bytes: Buffer;
  readonly method: number;
  readonly crc32: number;
  /** Offset of the content in the file. */
  readonly start: number;
}

/** The entries of an archive as yauzl reads them, in the order of the directory. It checks sizes and, for deflated ones, the data. */
export async function readWithYauzl(file: string): Promise<ForeignEntry[]> {
  const zip = await new Promise<yauzl.ZipFile>((resolve, reject) => {
    yauzl.open(file, { lazyEntries: true, autoClose: false }, (error, opened) =>
      error ? reject(error) : resolve(opened),
    );
  });
  const entries: ForeignEntry[] = [];
  await new Promise<void>((resolve, reject) => {
    zip.on('error', reject);
    zip.on('end', resolve);
    zip.on('entry', (entry: yauzl.Entry) => {
      zip.readLocalFileHeader(entry, (error, header) => {
        if (error) return reject(error);
        zip.openReadStream(entry, (failure, stream) => {
          if (failure) return reject(failure);
          const chunks: Buffer[] = [];
          stream.on('data', (chunk: Buffer) => chunks.push(chunk));
          stream.on('error', reject);
          stream.on('end', () => {
            entries.push({
              name: entry.fileName,
              bytes: Buffer.concat(chunks),
              method: entry.compressionMethod,
              crc32: entry.crc32,
              start: header.fileDataStart,
            });
            zip.readEntry();
          });
        });
      });
    });
    zip.readEntry();
  });
  zip.close();
  return entries;
}
