import { MemorySource } from '../../src/io/byte-source.ts';
import { UnreadableError } from '../../src/io/errors.ts';
import { PickleMachine } from '../../src/pickle/machine.ts';
import { checkpointOf, orderedDict } from '../support/checkpoint-builder.ts';
import { called as calling, global, stream, string } from '../support/pickle-stream.ts';
import { clean, file, network } from './case-builders.ts';
import type { Fixture, RuleCases } from './cases.ts';

/** A checkpoint whose pickle did what the stream does, up to where it breaks. */
function traced(name: string, bytes: Buffer): Fixture {
  return {
    name,
    pickle: bytes,
    build: () => {
      const machine = new PickleMachine(new MemorySource(bytes), 0, bytes.length);
      try {
        machine.run(bytes, 0);
      } catch (error) {
        if (!(error instanceof UnreadableError)) throw error;
      }
      const checkpoint = checkpointOf(orderedDict(network()));
      return { ...checkpoint, traces: [{ record: 'data.pkl', trace: machine.trace() }] };
    },
  };
}

const called = (module: string, name: string, argument: string) =>
  stream(...calling(module, name, argument), 'STOP');
const enumMember = traced(
  'an enum member',
  stream(
    ...global('builtins', 'getattr'),
    ...global('project.config', 'Mode'),
    ...string('TRAIN'),
    'TUPLE2',
    'REDUCE',
    'STOP',
  ),
);
const partialOfOwn = traced(
  'a partial of a function of the project',
  stream(...global('functools', 'partial'), ...global('project.losses', 'focal'), 'TUPLE1', 'REDUCE', 'STOP'),
);
const ordinary = [
  clean,
  enumMember,
  partialOfOwn,
  file('broken/namespace.pth'),
  file('clean/state_dict.pth'),
];

export const SAFETY_CASES: Readonly<Record<string, RuleCases>> = {
  'safety/dangerous-call': {
    triggers: [
      traced('os.system', called('posix', 'system', 'echo')),
      traced('a Python-2 name', called('commands', 'getoutput', 'echo')),
      traced(
        'a result that is thrown away',
        stream(...global('os', 'system'), ...string('echo'), 'TUPLE1', 'REDUCE', 'POP', 'NONE', 'STOP'),
      ),
      traced(
        'a stream that breaks behind the call',
        stream(...global('builtins', 'eval'), ...string('1'), 'TUPLE1', 'REDUCE', 'TUPLE3'),
      ),
      traced('INST', stream('MARK', ...string('echo'), 'INST', { text: 'subprocess\nPopen\n' }, 'STOP')),
    ],
    quiet: ordinary,
  },
  'safety/dangerous-global': {
    triggers: [traced('named, not called', stream(...global('subprocess', 'Popen'), 'STOP'))],
    quiet: ordinary,
  },
  'safety/computed-call': {
    triggers: [
      traced(
        'the result of getattr is called',
        stream(
          ...global('builtins', 'getattr'),
          ...global('project.config', 'Mode'),
          ...string('run'),
          'TUPLE2',
          'REDUCE',
          'EMPTY_TUPLE',
          'REDUCE',
          'STOP',
        ),
      ),
    ],
    quiet: ordinary,
  },
  'safety/computed-import': {
    triggers: [traced('names that are numbers', stream('NONE', 'NONE', 'STACK_GLOBAL', 'STOP'))],
    quiet: ordinary,
  },
  'safety/dotted-name': {
    triggers: [traced('through torch', stream(...global('torch', 'serialization.os.system'), 'STOP'))],
    quiet: [
      ...ordinary,
      traced('a class in a class', stream(...global('project.config', 'Config.Mode'), 'STOP')),
    ],
  },
  'safety/build-on-value': {
    triggers: [
      traced('a function gets attributes', stream(...global('numpy', 'prod'), 'EMPTY_DICT', 'BUILD', 'STOP')),
    ],
    quiet: ordinary,
  },
  'safety/extension-code': {
    triggers: [traced('EXT1', stream('EXT1', { bytes: [7] }, 'STOP'))],
    quiet: ordinary,
  },
  'safety/argument': {
    triggers: [
      traced(
        'a partial of what runs code',
        stream(...global('functools', 'partial'), ...global('os', 'system'), 'TUPLE1', 'REDUCE', 'STOP'),
      ),
      traced(
        'a magic attribute',
        stream(
          ...global('builtins', 'getattr'),
          ...global('project.config', 'Mode'),
          ...string('__globals__'),
          'TUPLE2',
          'REDUCE',
          'STOP',
        ),
      ),
    ],
    quiet: ordinary,
  },
  'pickle/odd-argument': {
    triggers: [
      traced(
        'a bytearray by its length',
        stream(
          ...global('builtins', 'bytearray'),
          'BININT',
          { bytes: [0, 0, 0, 64] },
          'TUPLE1',
          'REDUCE',
          'STOP',
        ),
      ),
    ],
    quiet: ordinary,
  },
  'pickle/odd-stream': {
    triggers: [
      traced('a value left behind', stream('NONE', 'NONE', 'STOP')),
      traced('a protocol in the middle', stream('NONE', 'PROTO', { bytes: [4] }, 'STOP')),
    ],
    quiet: ordinary,
  },
};
