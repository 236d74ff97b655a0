import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';

/** Containers that are told by their first bytes. Which kind of archive a zip is shows only in its directory. */
export type Detected = 'zip';

/** The pickled magic number that opens a legacy `torch.save` stream: 0x1950a86a20f9469cfc6c as LONG1. */
const LEGACY_MAGIC = Buffer.from('8a0a6cfc9c46f9206aa85019', 'hex');
/** `L119547037146038801333356L`: the same in protocols 0 and 1. */
const LEGACY_MAGIC_TEXT = Buffer.from('L119547037146038801333356L');
const HEAD = 512;

interface Stranger {
  readonly code: 'not-a-checkpoint' | 'unsupported' | 'truncated';
  /** Continues «the file is …» and says what to do. */
  readonly what: string;
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
    );
  }
  const bytes = await source.read(0, Math.min(HEAD, source.size));
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (startsWith(head, 'PK\x03\x04') || startsWith(head, 'PK\x05\x06')) return 'zip';
  const stranger = torchContainer(head, source.size) ?? otherFormat(head, source.size);
  throw new UnreadableError(stranger.code, `the file is ${stranger.what}`, 0);
}

function startsWith(head: Buffer, text: string, at = 0): boolean {
  return head.subarray(at, at + text.length).equals(Buffer.from(text, 'latin1'));
}

/** Containers of torch and its kin that are not zip archives. */
function torchContainer(head: Buffer, size: number): Stranger | undefined {
  const unsupported = (what: string): Stranger => ({ code: 'unsupported', what });
  if (
    head.subarray(0, 24).includes(LEGACY_MAGIC) ||
    head.subarray(0, LEGACY_MAGIC_TEXT.length).equals(LEGACY_MAGIC_TEXT)
  ) {
    return unsupported(
      'a legacy torch.save stream (torch before 1.6, or _use_new_zipfile_serialization=False), which is not supported yet; torch.load it and torch.save it again',
    );
  }
  if (startsWith(head, 'sys_info\0')) {
    return unsupported(
      'a tar checkpoint of torch 0.1, which is not supported yet; torch.load it and torch.save it again',
    );
  }
  if (head.length > 9 && head[8] === 0x7b) {
    const header = Number(head.readBigUInt64LE(0));
    if (header >= 2 && header <= 100_000_000 && header + 8 <= size) {
      return unsupported(
        'a safetensors file, which is not supported yet; it holds no device tags and loads anywhere',
      );
    }
  }
  if (startsWith(head, 'PTMF', 4)) {
    return unsupported('a TorchScript mobile flatbuffer (.ptl), which only the mobile runtime loads');
  }
  if (/^ET\d\d/.test(head.toString('latin1', 4, 8))) {
    return unsupported('an ExecuTorch program (.pte), which only the ExecuTorch runtime loads');
  }
  if (head[0] === 0x80 && (head[1] as number) <= 5) {
    return unsupported(
      'a plain pickle, not made by torch.save, which is not supported yet; load it with pickle.load and torch.save the result',
    );
  }
  return undefined;
}

const MAGICS: readonly (readonly [string, string])[] = [
  ['\x93NUMPY', 'a numpy array (.npy); load it with numpy.load'],
  ['\x89HDF\r\n\x1a\n', 'an HDF5 file (Keras, h5py); load it with h5py'],
  ['GGUF', 'a GGUF model (llama.cpp); torch.load does not read it'],
  ['\x1f\x8b', 'gzip-compressed; decompress it with gunzip first'],
  ['\x28\xb5\x2f\xfd', 'zstd-compressed; decompress it with zstd -d first'],
  ['BZh', 'bzip2-compressed; decompress it with bunzip2 first'],
  ['\xfd7zXZ\0', 'xz-compressed; decompress it with unxz first'],
  ['7z\xbc\xaf\x27\x1c', 'a 7z archive; unpack it first'],
  ['Rar!\x1a\x07', 'a rar archive; unpack it first'],
  ['PYTORCH1', 'an archive of the PyTorch 1.0 preview, which no release reads'],
  ['%PDF', 'a PDF document; this is no download of a model'],
];

function otherFormat(head: Buffer, size: number): Stranger {
  const alien = (what: string): Stranger => ({ code: 'not-a-checkpoint', what });
  for (const [magic, what] of MAGICS) if (startsWith(head, magic)) return alien(what);
  if (startsWith(head, 'ustar', 257)) return alien('a tar archive; unpack it first');
  const text = head.toString('latin1').trimStart();
  if (text.startsWith('version https://git-lfs')) return alien(lfsPointer(text));
  if (/^<(!doctype|html|\?xml|head|body)/i.test(text)) {
    return alien(
      'an HTML or XML page: the server sent an error or a sign-in page instead of the model; download it again',
    );
  }
  if (/^[{[]/.test(text))
    return alien('JSON text, an error answer or an index, not the model; download the model itself');
  if (/^(entry not found|access denied|not found|invalid username or password|404)/i.test(text)) {
    return alien(
      `an error answer of a server (${JSON.stringify(text.split('\n')[0]?.slice(0, 60))}); download it again`,
    );
  }
  if (head.every((byte) => byte === 0)) {
    return alien('filled with zero bytes at its start: the download left a hole; download it again');
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
