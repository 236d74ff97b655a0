import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findSuspicions } from '../../src/diagnose/suspicions.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import type { DecodedPickle } from '../../src/pickle/decoder.ts';
import { PickleMachine } from '../../src/pickle/machine.ts';
import { eachCall, StorageReference, TensorCall } from '../../src/pickle/tensor-call.ts';
import {
  argumentsOf,
  callableName,
  lookup,
  PyDict,
  type PyObject,
  type PyTuple,
} from '../../src/pickle/values.ts';
import { show } from './show.ts';
import { decode, type Piece, stream, text, u1, u4 } from './stream.ts';

/** Bytes behind a tensor without which it is not read at one go: a reader would not know that they are no part of it. */
const BEHIND: Piece[] = ['BINBYTES', u4(2000), Buffer.alloc(2000), 'POP'];

interface Saved {
  readonly key: string;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
  readonly numel: number;
  readonly offset: number;
  readonly location: string;
  readonly requiresGrad: boolean;
}

const PLAIN: Saved = {
  key: '0',
  shape: [2, 3],
  stride: [3, 1],
  numel: 6,
  offset: 0,
  location: 'cpu',
  requiresGrad: false,
};

/** A dict of tensors as Python's pickler writes them for torch.save, opcode by opcode; `twist` may say each tensor in another way. */
class Pickling {
  readonly pieces: Piece[] = ['PROTO', u1(2), 'EMPTY_DICT'];
  slot = 0;
  readonly #known = new Map<string, number>();
  readonly #legacy: boolean;

  constructor(legacy = false) {
    this.#legacy = legacy;
    this.put();
    this.pieces.push('MARK');
  }

  put(): number {
    this.pieces.push(
      ...(this.slot < 256 ? ['BINPUT' as const, u1(this.slot)] : ['LONG_BINPUT' as const, u4(this.slot)]),
    );
    return this.slot++;
  }

  get(slot: number): void {
    this.pieces.push(...(slot < 256 ? ['BINGET' as const, u1(slot)] : ['LONG_BINGET' as const, u4(slot)]));
  }

  once(name: string, ...said: Piece[]): void {
    const known = this.#known.get(name);
    if (known !== undefined) this.get(known);
    else {
      this.pieces.push(...said);
      this.#known.set(name, this.put());
    }
  }

  global(module: string, name: string): void {
    this.once(`${module}.${name}`, 'GLOBAL', text(`${module}\n${name}\n`));
  }

  text(content: string): void {
    const bytes = Buffer.from(content);
    this.pieces.push('BINUNICODE', u4(bytes.length), bytes);
    this.put();
  }

  number(value: number): void {
    if (value >= 0 && value < 256) this.pieces.push('BININT1', u1(value));
    else if (value >= 0 && value < 65536) this.pieces.push('BININT2', u4(value).subarray(0, 2));
    else if (value < 2 ** 31) this.pieces.push('BININT', u4(value >>> 0));
    else this.pieces.push('LONG1', u1(8), Buffer.from(new BigUint64Array([BigInt(value)]).buffer));
  }

  tuple(numbers: readonly number[]): void {
    if (numbers.length > 3) this.pieces.push('MARK');
    for (const number of numbers) this.number(number);
    this.pieces.push((['EMPTY_TUPLE', 'TUPLE1', 'TUPLE2', 'TUPLE3'] as const)[numbers.length] ?? 'TUPLE');
    if (numbers.length > 0) this.put();
  }

  tensor(saved: Saved): void {
    const fresh = saved.location.startsWith('cuda');
    this.global('torch._utils', '_rebuild_tensor_v2');
    this.pieces.push('MARK', 'MARK');
    this.once('storage', 'BINUNICODE', u4(7), text('storage'));
    this.global('torch', 'FloatStorage');
    this.text(saved.key);
    // f'cuda:{index}' is another string each time
    if (fresh) this.text(saved.location);
    else this.once(saved.location, 'BINUNICODE', u4(saved.location.length), text(saved.location));
    this.number(saved.numel);
    if (this.#legacy) this.pieces.push('NONE');
    this.pieces.push('TUPLE');
    this.put();
    this.pieces.push('BINPERSID');
    this.number(saved.offset);
    this.tuple(saved.shape);
    this.tuple(saved.stride);
    this.pieces.push(saved.requiresGrad ? 'NEWTRUE' : 'NEWFALSE');
    this.global('collections', 'OrderedDict');
    this.pieces.push('EMPTY_TUPLE', 'REDUCE');
    this.put();
    this.pieces.push('TUPLE');
    this.put();
    this.pieces.push('REDUCE');
    this.put();
  }

  bytes(...last: Piece[]): Buffer {
    return stream(...this.pieces, 'SETITEMS', ...last, ...BEHIND, 'STOP');
  }
}

function pickled(tensors: readonly Saved[], legacy = false, ...last: Piece[]): Buffer {
  const pickling = new Pickling(legacy);
  for (const [index, tensor] of tensors.entries()) {
    pickling.text(`layer.${index}`);
    pickling.tensor(tensor);
  }
  return pickling.bytes(...last);
}

/** The same stream run opcode by opcode: in windows so short that no tensor fits into them. */
function runSlowly(bytes: Buffer): DecodedPickle {
  const machine = new PickleMachine(new MemorySource(bytes), 0, bytes.length);
  for (let length = 100; ; ) {
    const at = machine.position;
    const needed = machine.run(bytes.subarray(at, at + length), at);
    if (needed === 0) return machine.finish();
    length = Math.max(100, needed);
  }
}

function facts(pickle: DecodedPickle): unknown {
  return {
    value: show(pickle.value),
    length: pickle.length,
    opcodes: [...pickle.opcodes],
    globals: pickle.globals,
    persistents: pickle.persistents.map(({ id }) => show(id)),
    calls: [...eachCall(pickle.trace.calls)].map((call) => [callableName(call), call.offset, show(call)]),
    oddities: pickle.trace.oddities,
    suspicions: findSuspicions([{ record: '', trace: pickle.trace }]),
  };
}

/** How many tensors were read at one go. */
function atOneGo({ trace }: DecodedPickle): number {
  return trace.calls.filter((call) => call instanceof TensorCall).length;
}

async function expectSame(bytes: Buffer): Promise<DecodedPickle> {
  const slow = runSlowly(bytes);
  expect(atOneGo(slow)).toBe(0);
  expect(facts(await decode(bytes))).toEqual(facts(slow));
  return decode(bytes);
}

const dimension = fc.oneof(fc.nat(3), fc.nat(300), fc.nat(2 ** 31 - 1));
const saved: fc.Arbitrary<Saved> = fc
  .array(fc.tuple(dimension, dimension), { maxLength: 6 })
  .chain((dimensions) =>
    fc.record({
      key: fc.oneof(fc.nat(1e6).map(String), fc.string({ unit: 'grapheme' })),
      shape: fc.constant(dimensions.map(([size]) => size)),
      stride: fc.constant(dimensions.map(([, stride]) => stride)),
      numel: fc.nat(2 ** 32),
      offset: fc.nat(70_000),
      location: fc.constantFrom('cpu', 'cuda:0', 'cuda:1', 'mps'),
      requiresGrad: fc.boolean(),
    }),
  );

describe('a tensor that is read at one go', () => {
  it('makes the values, calls and counts that its opcodes make', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(saved, { minLength: 2, maxLength: 60 }),
        fc.boolean(),
        async (tensors, legacy) => {
          await expectSame(pickled(tensors, legacy));
        },
      ),
      { numRuns: 40 },
    );
  });

  it.each([
    ['the zip form', false],
    ['the legacy form', true],
  ])('is every tensor of %s but the first, which names what all have in common', async (_, legacy) => {
    const pickle = await expectSame(pickled(new Array(70).fill(PLAIN), legacy));
    expect(atOneGo(pickle)).toBe(69);
  });

  it('tells its arguments without making them', async () => {
    const { value } = await decode(
      pickled([PLAIN, { ...PLAIN, key: '1', shape: [], stride: [], requiresGrad: true }]),
    );
    const tensor = lookup(value, 'layer.1') as TensorCall;
    expect(tensor).toBeInstanceOf(TensorCall);
    const { storage, shape, stride, storageOffset, requiresGrad } = tensor;
    expect({ shape, stride, storageOffset, requiresGrad }).toEqual({
      shape: [],
      stride: [],
      storageOffset: 0,
      requiresGrad: true,
    });
    expect(storage).toBeInstanceOf(StorageReference);
    expect([tensor.isUnread, storage.isUnread]).toEqual([true, true]);
    expect(show(storage.id)).toBe('("storage", <torch.FloatStorage>, "1", "cpu", 6)');
    expect(argumentsOf(tensor)[0]).toBe(storage);
    expect([tensor.isUnread, storage.isUnread]).toEqual([false, false]);
    expect(tensor.args).toBe(tensor.args);
  });

  it('shares its shape with others, but not what is made of it', async () => {
    const { value } = await decode(pickled([PLAIN, PLAIN, PLAIN]));
    const [second, third] = ['layer.1', 'layer.2'].map((key) => lookup(value, key) as TensorCall);
    expect(second?.shape).toBe(third?.shape);
    const size = argumentsOf(second as TensorCall)[2] as PyTuple;
    expect(size.items).not.toBe(second?.shape);
  });
});

describe('the memo behind a tensor that was read at one go', () => {
  /** Two tensors, then the dict with what the stream takes from the memo. */
  function recalling(slot: number, ...then: Piece[]): Buffer {
    return pickled([PLAIN, PLAIN], false, 'BINGET', u1(slot), ...then);
  }

  it('gives each of its parts', async () => {
    const whole = await decode(pickled([PLAIN, PLAIN]));
    const tensor = lookup(whole.value, 'layer.1') as TensorCall;
    const parts = [...tensor.parts(), tensor];
    for (const [index, part] of parts.entries()) {
      const slot = tensor.firstSlot + index;
      const bytes = recalling(slot, 'TUPLE2');
      const { value } = await expectSame(bytes);
      expect(show((value as PyTuple).items[1] as PyObject)).toContain(show(part).slice(0, 9));
    }
  });

  it('gives what was put into the slot of a part since', async () => {
    const { value } = await decode(pickled([PLAIN, PLAIN]));
    const { firstSlot } = lookup(value, 'layer.1') as TensorCall;
    for (const slot of [firstSlot, firstSlot + 3]) {
      const bytes = pickled([PLAIN, PLAIN], false, 'BINPUT', u1(slot), 'BINGET', u1(slot), 'TUPLE2');
      const again = (await expectSame(bytes)).value as PyTuple;
      expect(again.items[1]).toBeInstanceOf(PyDict);
    }
  });

  it('keeps hooks that are given to it later from passing for none', async () => {
    const { value } = await decode(pickled([PLAIN, PLAIN]));
    const { firstSlot } = lookup(value, 'layer.1') as TensorCall;
    const hooks: Piece[] = ['NONE', 'GLOBAL', text('os\nsystem\n'), 'SETITEM', 'TUPLE2'];
    const pickle = await expectSame(recalling(firstSlot + 3, ...hooks));
    const found = findSuspicions([{ record: '', trace: pickle.trace }]);
    expect(found.map(({ what }) => what)).toContain(
      'a call of torch._utils._rebuild_tensor_v2 gives a tensor hooks, which run at backward()',
    );
  });
});

describe('what is no tensor as torch.save writes it', () => {
  /** The pieces of a second tensor, changed by `twist`. */
  function twisted(twist: (pieces: Piece[]) => Piece[]): Buffer {
    const pickling = new Pickling();
    pickling.text('a');
    pickling.tensor(PLAIN);
    pickling.text('b');
    const start = pickling.pieces.length;
    pickling.tensor({ ...PLAIN, key: '1' });
    pickling.pieces.push(...twist(pickling.pieces.splice(start)));
    return pickling.bytes();
  }

  const swap =
    (from: Piece, ...to: readonly Piece[]) =>
    (pieces: Piece[]): Piece[] => {
      const at = pieces.indexOf(from);
      expect(at).toBeGreaterThanOrEqual(0);
      return [...pieces.slice(0, at), ...to, ...pieces.slice(at + 1)];
    };

  it.each<[string, (pieces: Piece[]) => Piece[]]>([
    ['four numbers before TUPLE3', swap('TUPLE2', 'POP', 'POP', ...fourOf('TUPLE3'))],
    ['four numbers before NEWTRUE', swap('TUPLE2', ...fourOf('NEWTRUE'), 'TUPLE3')],
    ['a negative size', swap('TUPLE2', 'BININT', u4(0xffffffff), 'TUPLE3')],
    ['something that comes and goes', swap('BINPERSID', 'NONE', 'POP', 'BINPERSID')],
    [
      'a size that is not put aside',
      (pieces) => {
        const at = pieces.indexOf('TUPLE2');
        return [...pieces.slice(0, at + 1), ...pieces.slice(at + 3)];
      },
    ],
    ['a state for hooks', swap('EMPTY_TUPLE', 'EMPTY_LIST', 'TUPLE1')],
    ['another sixth item', swap('TUPLE', 'NEWTRUE', 'TUPLE')],
    [
      'a seventh argument',
      (pieces) => {
        const at = pieces.lastIndexOf('TUPLE');
        return [...pieces.slice(0, at), 'EMPTY_DICT', ...pieces.slice(at)];
      },
    ],
  ])('is left to the machine: %s', async (_, twist) => {
    const bytes = twisted(twist);
    expect(atOneGo(await expectSame(bytes))).toBe(0);
  });

  it('is left to the machine where its key is not UTF-8, and refused there', async () => {
    const bytes = twisted(swap('BINUNICODE', 'BINUNICODE'));
    const at = bytes.lastIndexOf(Buffer.from([0x58, 1, 0, 0, 0, 0x31]));
    bytes[at + 5] = 0xff;
    await expect(decode(bytes)).rejects.toThrow('the string is not UTF-8');
    expect(() => runSlowly(bytes)).toThrow('the string is not UTF-8');
  });

  it('is left to the machine where the memo was filled in another order', async () => {
    const bytes = twisted((pieces) => ['NONE', 'LONG_BINPUT', u4(9999), 'POP', ...pieces]);
    expect(atOneGo(await expectSame(bytes))).toBe(0);
  });
});

function fourOf(...last: Piece[]): Piece[] {
  return ['BININT1', u1(1), 'BININT1', u1(2), 'BININT1', u1(3), 'BININT1', u1(4), ...last];
}
