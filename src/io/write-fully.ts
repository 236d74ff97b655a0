import { write } from 'node:fs';

/**
 * Writes all of `bytes` at `offset` of an open file, in as many calls as the system wants.
 * @param onWritten Told the bytes of each call.
 * @throws the error of the system; a part may be written then.
 */
export function writeFully(
  fd: number,
  offset: number,
  bytes: Uint8Array,
  onWritten: (count: number) => void = () => {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    let done = 0;
    const next = (): void => {
      if (done === bytes.byteLength) {
        resolve();
        return;
      }
      write(fd, bytes, done, bytes.byteLength - done, offset + done, (error, count) => {
        if (error !== null) reject(error);
        else {
          done += count;
          onWritten(count);
          next();
        }
      });
    };
    next();
  });
}
