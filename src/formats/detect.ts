import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { startsLikeLegacy } from './legacy-magic.ts';
import { safetensorsHeaderLength } from './safetensors-header.ts';

/** Containers that are told by their first bytes. Which kind of archive a zip is shows only in its directory. */
export type Detected = 'zip' | 'torch-legacy' | 'pickle' | 'tar' | 'gzip' | 'safetensors' | 'sharded-index';

const HEAD = 512;

interface Stranger {
  readonly code: 'not-a-checkpoint' | 'unsupported' | 'truncated';
  /** Continues «the file is …» and says what to do. */
  readonly what: string;
  readonly rule: string;
}

/**
 * Tells the container by the first bytes.
 * @throws UnreadableError for every other file, naming what it is and what to do.
 */
export async function detect(source: ByteSource): Promise<Detected> {
  if (source.size === 0) {
    throw new UnreadableError(
      'empty',
      'the file is empty: the download or the save did not get to write anything; get it again',
      undefined,
      'content/empty',
    );
  }
  const bytes = await source.read(0, Math.min(HEAD, source.size));
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (startsWith(head, 'PK\x03\x04') || startsWith(head, 'PK\x05\x06')) return 'zip';
  // before pickles and gzip: a header of 640 bytes begins with 80 02, one of 35 615 with 1f 8b
  if (safetensorsHeaderLength(head, source.size) !== undefined) return 'safetensors';
  if (startsLikeLegacy(head)) return 'torch-legacy';
  if (startsLikePickle(head)) return 'pickle';
  if (startsWith(head, 'ustar', 257) || startsWith(head, 'sys_info\0')) return 'tar';
  if (startsWith(head, '\x1f\x8b')) return 'gzip';
  if (isIndex(head)) return 'sharded-index';
  const stranger = torchContainer(head) ?? otherFormat(head, source.size);
  throw new UnreadableError(stranger.code, `the file is ${stranger.what}`, 0, stranger.rule);
}

/** `{"metadata": {"total_size": …}, "weight_map": {…}}`, as transformers and its kin write it beside shards. */
function isIndex(head: Buffer): boolean {
  const text = head.toString('latin1').trimStart();
  return text.startsWith('{') && /"(weight_map|total_size)"\s*:/.test(text);
}

/**
 * PROTO and a number, or what a pickler of protocol 0 or 1 starts a dict, a list or an object with. Those two have no mark of their
 * own, so other values of theirs are taken for text.
 */
function startsLikePickle(head: Buffer): boolean {
  if (head[0] === 0x80) return (head[1] as number) <= 5;
  return /^(\([dl]p\d+\n|[\]}]q\0|\(?c[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n[pq(])/.test(head.toString('latin1'));
}

function startsWith(head: Buffer, text: string, at = 0): boolean {
  return head.subarray(at, at + text.length).equals(Buffer.from(text, 'latin1'));
}

/** Containers of torch and its kin that are not zip archives. */
function torchContainer(head: Buffer): Stranger | undefined {
  const unsupported = (what: string): Stranger => ({
    code: 'unsupported',
    what,
    rule: 'content/other-format',
  });
  if (startsWith(head, 'PTMF', 4)) {
    return unsupported('a TorchScript mobile flatbuffer (.ptl), which only the mobile runtime loads');
  }
  if (/^ET\d\d/.test(head.toString('latin1', 4, 8))) {
    return unsupported('an ExecuTorch program (.pte), which only the ExecuTorch runtime loads');
  }
  return undefined;
}

const MAGICS: readonly (readonly [string, string])[] = [
  ['\x93NUMPY', 'a numpy array (.npy); load it with numpy.load'],
  ['\x89HDF\r\n\x1a\n', 'an HDF5 file (Keras, h5py); load it with h5py'],
  ['GGUF', 'a GGUF model (llama.cpp); torch.load does not read it'],
  ['\x28\xb5\x2f\xfd', 'zstd-compressed; decompress it with zstd -d first'],
  ['BZh', 'bzip2-compressed; decompress it with bunzip2 first'],
  ['\xfd7zXZ\0', 'xz-compressed; decompress it with unxz first'],
  ['7z\xbc\xaf\x27\x1c', 'a 7z archive; unpack it first'],
  ['Rar!\x1a\x07', 'a rar archive; unpack it first'],
  ['PYTORCH1', 'an archive of the PyTorch 1.0 preview, which no release reads'],
  ['%PDF', 'a PDF document; this is no download of a model'],
];

function otherFormat(head: Buffer, size: number): Stranger {
  const alien = (what: string, rule = 'content/other-format'): Stranger => ({
    code: 'not-a-checkpoint',
    what,
    rule,
  });
  for (const [magic, what] of MAGICS) if (startsWith(head, magic)) return alien(what);
  const text = head.toString('latin1').trimStart();
  if (text.startsWith('version https://git-lfs')) return alien(lfsPointer(text), 'content/lfs-pointer');
  if (/^<(!doctype|html|\?xml|head|body)/i.test(text)) {
    return alien(
      'an HTML or XML page: the server sent an error or a sign-in page instead of the model; download it again',
      'content/html',
    );
  }
  if (/^[{[]/.test(text))
    return alien(
      'JSON text, an error answer or an index, not the model; download the model itself',
      'content/json',
    );
  if (/^(entry not found|access denied|not found|invalid username or password|404)/i.test(text)) {
    return alien(
      `an error answer of a server (${JSON.stringify(text.split('\n')[0]?.slice(0, 60))}); download it again`,
      'content/text',
    );
  }
  if (head.every((byte) => byte === 0)) {
    return alien(
      'filled with zero bytes at its start: the download left a hole; download it again',
      'content/zero-filled',
    );
  }
  if (head[0] === 0x08 && (head[1] as number) <= 0x10 && [0x12, 0x1a, 0x22].includes(head[2] as number)) {
    return alien('most likely an ONNX model (protobuf); load it with onnx');
  }
  const shown = head.subarray(0, 8).toString('hex').replace(/../g, '$& ').trim();
  return alien(
    `no checkpoint that is known: it starts with the bytes ${shown} (${size} bytes in all); check where it came from`,
  );
}

function lfsPointer(text: string): string {
  const oid = /^oid sha256:([0-9a-f]{64})/m.exec(text)?.[1];
  const size = /^size (\d+)/m.exec(text)?.[1];
  return `a Git LFS pointer, not the model${oid && size ? ` (sha256 ${oid}, ${size} bytes)` : ''}; run git lfs pull`;
}
