import { readFileSync } from 'node:fs';
import type { RuleOptions } from '../../src/diagnose/define-rule.ts';
import type { DiagnoseOptions } from '../../src/diagnose/engine.ts';
import type { ExpectedKeys, ExpectedTensor } from '../../src/diagnose/expected-keys.ts';
import { PyList, type Value } from '../../src/pickle/values.ts';
import { call, checkpointOf, dict, orderedDict, tensor } from '../support/checkpoint-builder.ts';
import type { Fixture, RuleCases } from './cases.ts';

/** What real torch says of the network behind most fixtures; docs/check.md has the lines of Python that wrote it. */
export const SMALL_NET: ExpectedKeys = {
  keys: new Map(
    Object.entries(
      JSON.parse(readFileSync('test/policy/small-net.keys.json', 'utf8')).keys as Record<
        string,
        ExpectedTensor
      >,
    ),
  ),
};

const built = (name: string, build: () => Value): Fixture => ({ name, build: () => checkpointOf(build()) });
const file = (path: string): Fixture => ({ file: path });
const settings = (id: string, options: RuleOptions): DiagnoseOptions => ({
  settings: new Map([[id, { options }]]),
});

/** The network of `SMALL_NET` with other tensors in place of some, or without them. */
function smallNet(changes: Record<string, Value | undefined> = {}): Record<string, Value> {
  const entries: Record<string, Value> = {};
  for (const [key, { shape, dtype = 'float32' }] of SMALL_NET.keys) {
    entries[key] = tensor({ shape: [...shape], dtype });
  }
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) delete entries[key];
    else entries[key] = value;
  }
  return entries;
}

function optimizer(...groups: number[]): Value {
  const parameters = groups.map((size) => new PyList(Array.from({ length: size }, (_, index) => index)));
  return dict({
    state: dict({}),
    param_groups: new PyList(parameters.map((params) => dict({ lr: 1, params }))),
  });
}

const same = built('the keys of the model', () => orderedDict(smallNet()));
const nested = built('the keys of the model beside an optimizer', () =>
  dict({
    epoch: 1,
    model: orderedDict(smallNet()),
    optimizer: dict({ state: dict({ 0: dict({ exp_avg: tensor() }) }), param_groups: new PyList() }),
  }),
);
const real = [
  file('clean/state_dict.pth'),
  file('clean/adam_and_scheduler.pth'),
  file('torch-1.13/state_dict.pth'),
];
const head = built('a head of another size', () =>
  orderedDict(smallNet({ 'fc.weight': tensor({ shape: [5, 8] }), 'fc.bias': tensor({ shape: [5] }) })),
);
const float16 = built('a float16 head', () =>
  orderedDict(smallNet({ 'fc.weight': tensor({ shape: [10, 8], dtype: 'float16' }) })),
);
const headless = built('no head', () =>
  orderedDict(smallNet({ 'fc.weight': undefined, 'fc.bias': undefined })),
);
const auxiliary = built('a branch more', () =>
  dict({ model: orderedDict(smallNet({ 'aux.weight': tensor() })) }),
);
const tags = (...locations: string[]) =>
  built(`tags ${locations.join(' ')}`, () =>
    orderedDict(Object.fromEntries(locations.map((location, index) => [`${index}.w`, tensor({ location })]))),
  );

/** Cases of the rules that speak only where the user asks for something. */
export const ASKED_CASES: Readonly<Record<string, RuleCases>> = {
  'expect/missing-key': {
    ask: { expected: SMALL_NET },
    triggers: [
      headless,
      built('no tensor', () => dict({})),
      file('broken/ddp_cpu.pth'),
      file('clean/tied_weights.pth'),
    ],
    quiet: [
      same,
      nested,
      head,
      float16,
      auxiliary,
      ...real,
      built('a state_dict of torch 0.4, which has no counters', () =>
        dict(smallNet({ 'bn1.num_batches_tracked': undefined, 'bn2.num_batches_tracked': undefined })),
      ),
    ],
  },
  'expect/unexpected-key': {
    ask: { expected: SMALL_NET },
    triggers: [auxiliary, file('broken/ddp_cpu.pth'), file('clean/tied_weights.pth')],
    quiet: [same, nested, head, headless, ...real],
  },
  'expect/shape-mismatch': {
    ask: { expected: SMALL_NET },
    triggers: [
      head,
      built('a scalar where a matrix is', () =>
        orderedDict(smallNet({ 'fc.weight': tensor({ shape: [] }) })),
      ),
    ],
    quiet: [
      same,
      nested,
      headless,
      float16,
      ...real,
      built('a counter as torch 0.3 saved it', () =>
        orderedDict(smallNet({ 'bn1.num_batches_tracked': tensor({ shape: [1], dtype: 'int64' }) })),
      ),
    ],
  },
  'expect/dtype-mismatch': {
    ask: { expected: SMALL_NET },
    triggers: [float16, file('broken/half_weights.pth')],
    quiet: [same, nested, head, ...real],
  },
  'expect/optimizer-groups': {
    ask: { expected: { ...SMALL_NET, optimizerGroups: [3, 5] } },
    triggers: [
      built('one group', () => dict({ optimizer: optimizer(8) })),
      built('groups of other sizes', () => dict({ optimizer: optimizer(4, 4) })),
      file('broken/ddp_cuda.pth'),
    ],
    quiet: [
      same,
      built('the groups', () => dict({ optimizer: optimizer(3, 5) })),
      file('clean/adam_and_scheduler.pth'),
    ],
  },
  'policy/global': {
    ask: settings('policy/global', { allow: ['argparse.*'] }),
    triggers: [file('broken/xla_arrays.pth')],
    quiet: [same, file('clean/state_dict.pth'), file('clean/quantized.pth')],
  },
  'policy/location': {
    ask: settings('policy/location', { allow: ['cpu', 'cuda:*'] }),
    triggers: [tags('cpu', 'mps'), tags('cuda'), file('broken/tag_xpu_0.pth')],
    quiet: [same, tags('cpu', 'cuda:0', 'cuda:7'), file('broken/ddp_cuda.pth')],
  },
  'policy/dtype': {
    ask: settings('policy/dtype', { allow: ['float32', 'int*'] }),
    triggers: [float16, file('broken/half_weights.pth')],
    quiet: [
      same,
      built('no tensor', () => dict({ a: call('collections.Counter') })),
      file('clean/state_dict.pth'),
    ],
  },
  'budget/file-bytes': {
    ask: settings('budget/file-bytes', { max: 4000 }),
    triggers: [file('broken/ddp_cuda.pth')],
    quiet: [same, file('clean/bare_tensor.pt')],
  },
  'budget/parameters': {
    ask: settings('budget/parameters', { max: 950 }),
    triggers: [
      built('a large layer', () => dict({ w: tensor({ shape: [1000] }) })),
      file('clean/adam_and_scheduler.pth'),
    ],
    quiet: [
      built('integers', () => dict({ w: tensor({ shape: [1000], dtype: 'int64' }) })),
      same,
      file('clean/state_dict.pth'),
    ],
  },
  'budget/wasted-bytes': {
    ask: settings('budget/wasted-bytes', { max: 0 }),
    triggers: [file('clean/strides.pth')],
    quiet: [same, file('clean/state_dict.pth'), file('clean/tied_weights.pth'), file('clean/views.pth')],
  },
};
