import { Op, type OpName } from '../../src/pickle/opcodes.ts';

/** What a stream is written from: the name of an opcode, text or bytes that are its argument, or a stream itself. */
export type StreamPart =
  | OpName
  | { readonly text: string }
  | { readonly bytes: readonly number[] }
  | Uint8Array;

/** A stream by its opcodes. Payloads are words, not commands: nothing runs them. */
export function stream(...parts: readonly StreamPart[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'string') return Buffer.from([Op[part]]);
      if (part instanceof Uint8Array) return part;
      return 'text' in part ? Buffer.from(part.text, 'latin1') : Buffer.from(part.bytes);
    }),
  );
}

export const global = (module: string, name: string) => ['GLOBAL', { text: `${module}\n${name}\n` }] as const;

/** Up to 255 bytes of ASCII, as an opcode that weights_only takes. */
export function string(text: string): readonly StreamPart[] {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(text));
  return ['BINUNICODE', length, Buffer.from(text)];
}

/** `module.name(text)`, left on the stack. */
export const called = (module: string, name: string, text = 'echo') => [
  ...global(module, name),
  ...string(text),
  'TUPLE1' as const,
  'REDUCE' as const,
];

/** A float32 tensor of six elements in the storage `key`, as torch.save writes it. */
export function tensorOps(key = '0', elements = 6): StreamPart[] {
  return [
    ...global('torch._utils', '_rebuild_tensor_v2'),
    'MARK',
    'MARK',
    ...string('storage'),
    ...global('torch', 'FloatStorage'),
    ...string(key),
    ...string('cpu'),
    'BININT1',
    { bytes: [elements] },
    'TUPLE',
    'BINPERSID',
    'BININT1',
    { bytes: [0] },
    'BININT1',
    { bytes: [elements] },
    'TUPLE1',
    'BININT1',
    { bytes: [1] },
    'TUPLE1',
    'NEWFALSE',
    ...global('collections', 'OrderedDict'),
    'EMPTY_TUPLE',
    'REDUCE',
    'TUPLE',
    'REDUCE',
  ];
}

/** The pickle of `{'w': tensor, …}`; `more` is pairs of key and value, `before` what runs first. */
export function checkpointPickle(
  more: readonly StreamPart[] = [],
  before: readonly StreamPart[] = [],
): Buffer {
  return stream(
    'PROTO',
    { bytes: [2] },
    ...before,
    'EMPTY_DICT',
    'MARK',
    ...string('w'),
    ...tensorOps(),
    ...more,
    'SETITEMS',
    'STOP',
  );
}
