/**
 * The shortest part of some bytes that still fails, as far as leaving out pieces finds it.
 * @param fails Whether what is left still shows the failure.
 * @param tries How often it may be asked.
 */
export async function minimise(
  bytes: Buffer,
  fails: (bytes: Buffer) => Promise<boolean>,
  tries = 400,
): Promise<Buffer> {
  let smallest = bytes;
  let left = tries;
  for (let size = Math.ceil(bytes.length / 2); size >= 1 && left > 0; ) {
    let shorter = false;
    for (let at = 0; at < smallest.length && left > 0; at += size) {
      const candidate = Buffer.concat([smallest.subarray(0, at), smallest.subarray(at + size)]);
      left--;
      if (candidate.length < smallest.length && (await fails(candidate))) {
        smallest = candidate;
        shorter = true;
        at -= size;
      }
    }
    if (!shorter || size > smallest.length)
      size = size === 1 ? 0 : Math.ceil(Math.min(size, smallest.length) / 2);
  }
  return smallest;
}
