import { addItems, append, build, describe } from './effects.ts';
import type { MachineState } from './machine-state.ts';
import { Op } from './opcodes.ts';
import {
  PyBuffer,
  PyDict,
  PyExtension,
  PyGlobal,
  PyList,
  PyObject,
  PyPersistent,
  PySet,
  PyTuple,
  type Value,
} from './values.ts';

/** Stands for the module and the name of an import whose words are only known when the stream is run. */
const COMPUTED = '<computed>';

/**
 * Runs an opcode that a torch.save stream rarely or never has.
 * @param at Where the opcode stands in the window.
 * @throws UnreadableError `bad-pickle` where the stack does not hold what it wants, and for a byte that is no opcode.
 */
export function runRareOpcode(state: MachineState, code: number, at: number): void {
  const { stack, window } = state;
  switch (code) {
    case Op.PROTO:
      if (state.position > 0) state.note('late-protocol', `PROTO ${window[at + 1]}`);
      state.protocol = Math.max(state.protocol, window[at + 1] as number);
      break;
    case Op.FRAME:
      // its length changes nothing: C and Python read on alike where it is true, and differ where it lies
      break;
    case Op.POP:
      state.drop();
      break;
    case Op.POP_MARK:
      state.popMark();
      break;
    case Op.DUP:
      stack.push(state.top());
      break;
    case Op.LIST:
      stack.push(new PyList(state.popMark()));
      break;
    case Op.DICT:
      stack.push(dictOf(state, state.popMark()));
      break;
    case Op.APPEND: {
      const item = state.pop();
      if (!append(state.top(), [item])) throw refused(state, 'appended to');
      break;
    }
    case Op.APPENDS: {
      const items = state.popMark();
      if (!append(state.top(), items)) throw refused(state, 'appended to');
      break;
    }
    case Op.BUILD: {
      const given = state.pop();
      const target = state.top();
      if (!build(target, given)) {
        state.note('build-on-value', describe(target));
        // Python gives it to what it imported, a function as well as a class, and reads on
        if (!isImported(target)) throw state.fault(`${describe(target)} takes no state`);
      }
      break;
    }
    case Op.NEWOBJ: {
      const args = state.pop();
      state.call(new PyObject('newobj', state.pop(), args, state.position));
      break;
    }
    case Op.NEWOBJ_EX: {
      const kwargs = state.pop();
      const args = state.pop();
      state.call(new PyObject('newobj-ex', state.pop(), args, state.position, kwargs));
      break;
    }
    case Op.OBJ: {
      const [callable, ...args] = state.popMark();
      if (callable === undefined) throw state.fault('no class after MARK');
      state.call(new PyObject('inst', callable, new PyTuple(args), state.position));
      break;
    }
    case Op.STACK_GLOBAL: {
      const name = state.pop();
      const module = state.pop();
      if (typeof name !== 'string' || typeof module !== 'string') {
        const found = `${describe(module)} and ${describe(name)}`;
        state.note('computed-import', found);
        // what a call gives, or what is imported, may be a string; at all else Python gives up here
        if (!mayBeString(module) || !mayBeString(name))
          throw state.fault(`module and name must be strings, found ${found}`);
        stack.push(state.global(COMPUTED, COMPUTED));
      } else stack.push(state.global(module, name));
      break;
    }
    case Op.MEMOIZE:
      state.memo.put(state.memo.size, state.top());
      break;
    case Op.EMPTY_SET:
      stack.push(new PySet(false));
      break;
    case Op.ADDITEMS: {
      const items = state.popMark();
      const target = state.top();
      if (!addItems(target, items)) throw state.fault(`items can't be added to ${describe(target)}`);
      break;
    }
    case Op.FROZENSET:
      stack.push(new PySet(true, state.popMark()));
      break;
    case Op.EXT1:
      pushExtension(state, window[at + 1] as number);
      break;
    case Op.EXT2:
      pushExtension(state, window.readUInt16LE(at + 1));
      break;
    case Op.EXT4:
      pushExtension(state, window.readInt32LE(at + 1));
      break;
    case Op.NEXT_BUFFER:
      stack.push(new PyBuffer(state.buffers++, false));
      break;
    case Op.READONLY_BUFFER: {
      const buffer = state.pop();
      stack.push(buffer instanceof PyBuffer ? new PyBuffer(buffer.index, true) : buffer);
      break;
    }
    default:
      throw state.fault('no protocol has this opcode: the bytes are no pickle, or damaged');
  }
}

function isImported(value: Value): boolean {
  return value instanceof PyGlobal || value instanceof PyExtension;
}

function mayBeString(value: Value): boolean {
  return (
    typeof value === 'string' ||
    isImported(value) ||
    value instanceof PyObject ||
    value instanceof PyPersistent
  );
}

function pushExtension(state: MachineState, code: number): void {
  state.note('extension', `extension code ${code}`);
  if (code <= 0) throw state.fault('extension codes start at 1');
  state.stack.push(new PyExtension(code));
}

function dictOf(state: MachineState, items: readonly Value[]): PyDict {
  if (items.length % 2) throw state.fault('a key without a value');
  const dict = new PyDict();
  for (let i = 0; i < items.length; i += 2) {
    state.mindKey(items[i] as Value);
    dict.keys.push(items[i] as Value);
    dict.values.push(items[i + 1] as Value);
  }
  return dict;
}

function refused(state: MachineState, what: string) {
  return state.fault(`${describe(state.top())} can't be ${what}`);
}
