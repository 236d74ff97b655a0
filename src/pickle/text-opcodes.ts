import { narrow } from './integers.ts';
import type { MachineState } from './machine-state.ts';
import { Op } from './opcodes.ts';
import { python2String } from './payloads.ts';
import { decodeQuoted, decodeRawUnicodeEscape, decodeText } from './text.ts';
import { PyFloat, PyObject, PyTuple } from './values.ts';

/**
 * Runs an opcode whose argument is text up to a newline: those of protocol 0, GLOBAL and INST.
 * @param bytes The argument without the last newline.
 * @throws UnreadableError `bad-pickle` for an argument that Python would not read either.
 */
export function runTextOpcode(state: MachineState, code: number, bytes: Buffer): void {
  const { stack } = state;
  const line = bytes.toString('latin1');
  switch (code) {
    case Op.GLOBAL:
    case Op.INST: {
      const text = decodeText(bytes);
      if (text === undefined) throw state.fault('the name is not UTF-8');
      const split = text.indexOf('\n');
      const global = state.global(text.slice(0, split), text.slice(split + 1));
      if (code === Op.GLOBAL) stack.push(global);
      else state.call(new PyObject('inst', global, new PyTuple(state.popMark()), state.position));
      break;
    }
    case Op.GET:
      state.recall(slotOf(state, line));
      break;
    case Op.PUT:
      state.memo.put(slotOf(state, line), state.top());
      break;
    case Op.INT:
      if (line === '00' || line === '01') stack.push(line === '01');
      else stack.push(integerOf(state, line));
      break;
    case Op.LONG:
      stack.push(integerOf(state, line.endsWith('L') ? line.slice(0, -1) : line));
      break;
    case Op.FLOAT:
      stack.push(new PyFloat(floatOf(state, line)));
      break;
    case Op.STRING: {
      const content = decodeQuoted(line);
      if (content === undefined) throw state.fault('the string is not quoted as Python quotes');
      stack.push(python2String(content));
      break;
    }
    case Op.UNICODE:
      stack.push(decodeRawUnicodeEscape(line));
      break;
    default:
      state.persist(line);
  }
}

function slotOf(state: MachineState, line: string): number {
  const text = line.trim();
  if (!/^\d{1,15}$/.test(text)) throw state.fault(`memo slot ${shown(text)}`);
  return Number(text);
}

/** Python refuses to read longer ones: to convert them takes time that grows with the square of their length. */
const MOST_DIGITS = 4300;

function integerOf(state: MachineState, line: string): number | bigint {
  const text = line.trim();
  if (text.length > MOST_DIGITS + 1)
    throw state.fault(`an integer of ${text.length} digits, more than Python's ${MOST_DIGITS}`);
  if (!/^[+-]?\d+$/.test(text)) throw state.fault(`${shown(text)} is no integer`);
  return narrow(text[0] === '-' ? -BigInt(text.slice(1)) : BigInt(text.replace('+', '')));
}

function floatOf(state: MachineState, line: string): number {
  const text = line.trim().toLowerCase();
  const special = /^([+-]?)(inf|infinity|nan)$/.exec(text);
  if (special) return special[2] === 'nan' ? Number.NaN : special[1] === '-' ? -Infinity : Infinity;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(text)) throw state.fault(`${shown(text)} is no float`);
  return Number(text);
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}
