import { describe, expect, it } from 'vitest';
import { get, int } from '../../src/vector/code.ts';
import { allocate, compile, WORK_BYTES } from '../../src/vector/machine.ts';

const machineOn = compile(
  [
    { name: 'first', vectors: 0, body: get(0) },
    { name: 'seven', vectors: 0, body: int(7) },
  ],
  2,
);

describe('compiled functions', () => {
  it('work on memory of allocate, once for each, and on no other', () => {
    const { buffer } = allocate(100);
    const machine = machineOn?.(buffer);
    expect(machine?.functions.first?.(41, 2)).toBe(41);
    expect(machine?.functions.seven?.()).toBe(7);
    expect(machineOn?.(buffer)).toBe(machine);
    expect(machineOn?.(new ArrayBuffer(65536))).toBeUndefined();
  });

  it('have bytes of their own behind those that were asked for', () => {
    for (const bytes of [0, 1, 65_536, 65_537]) {
      const memory = allocate(bytes);
      expect(memory.length).toBe(bytes);
      expect(memory.buffer.byteLength).toBeGreaterThanOrEqual(bytes + WORK_BYTES);
      expect(memory.every((byte) => byte === 0)).toBe(true);
    }
  });
});
