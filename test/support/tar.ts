/** A file of an archive. */
export interface MadeMember {
  readonly name: string;
  readonly content: Uint8Array;
}

/** A tar archive of regular files. */
export function tarOf(members: readonly MadeMember[]): Buffer {
  return Buffer.concat([
    ...members.flatMap(({ name, content }) => [tarHeader(name, '0', content.length), tarBlocks(content)]),
    Buffer.alloc(1024),
  ]);
}

/** Content with what fills its last block. */
export function tarBlocks(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 511)]);
}

/** A header of the ustar form. */
export function tarHeader(name: string, type: string, size: number): Buffer {
  const bytes = Buffer.alloc(512);
  bytes.write(name);
  bytes.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  bytes.write(' '.repeat(8), 148);
  bytes.write(type, 156, 'latin1');
  bytes.write('ustar\0', 257);
  bytes.write(
    `${bytes
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
  return bytes;
}
