import { isAllowedGlobal, python3Name } from './allowlist.ts';
import { STDLIB_MODULES } from './python-stdlib.ts';

/**
 * How far a name may be trusted when a pickle imports it.
 *
 * - `torch`: torch's own `weights_only` unpickler takes it.
 * - `vetted`: real checkpoints have it, and by itself it only holds data.
 * - `unknown`: somebody's class or function; who knows what it does.
 * - `danger`: it runs code, reaches files, processes or the network, or reaches what does; or it stands in Python's standard library
 *   and nobody has vetted it.
 */
export type GlobalTier = 'torch' | 'vetted' | 'unknown' | 'danger';

/** Exact names, after Python-2 names are mapped. Never prefixes: a module of data classes also imports `os`. */
const VETTED: ReadonlySet<string> = new Set(
  Object.entries({
    builtins:
      'list dict tuple frozenset int float str bytes bool object slice range type print Ellipsis NotImplemented long unicode xrange basestring',
    collections: 'defaultdict deque ChainMap UserDict UserList',
    copyreg: '_reconstructor __newobj__ __newobj_ex__',
    datetime: 'datetime date time timedelta timezone',
    decimal: 'Decimal',
    fractions: 'Fraction',
    uuid: 'UUID SafeUUID',
    argparse: 'Namespace',
    types: 'SimpleNamespace',
    pathlib:
      'Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath _local.Path _local.PosixPath _local.WindowsPath',
    'pathlib._local': 'Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath',
    random: 'Random',
    array: 'array _array_reconstructor',
    _codecs: 'decode',
    'numpy.core.multiarray': '_reconstruct scalar',
    'numpy._core.multiarray': '_reconstruct scalar',
    'numpy.core.numeric': '_frombuffer',
    'numpy._core.numeric': '_frombuffer',
    numpy:
      'ndarray dtype float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool_ bool',
    'numpy.random._pickle': '__randomstate_ctor __generator_ctor __bit_generator_ctor',
    'torch._tensor': '_rebuild_from_type',
    'torch.tensor': '_rebuild_from_type',
    'torch._utils': '_rebuild_sparse_csr_tensor _rebuild_xla_tensor',
    'torch.serialization': '_get_layout',
    'torch._C': 'Generator',
    torch:
      'Generator UntypedStorage memory_format contiguous_format channels_last preserve_format strided sparse_coo',
    'torch.nn.parameter': 'Parameter Buffer UninitializedParameter UninitializedBuffer',
    // the dynamic dimension of a jagged nested tensor, as torch.save writes it
    'torch._dynamo.decorators': '_DimRange',
    'torch.jit._pickle':
      'restore_type_tag build_intlist build_tensorlist build_doublelist build_boollist build_tensor_from_id',
  }).flatMap(([module, names]) => names.split(' ').map((name) => `${module}.${name}`)),
);

/**
 * Callables of the standard library that real checkpoints call to get at data; what they are called with decides.
 * `call-contracts.ts` has the rules.
 */
const JUDGED_BY_ARGUMENTS: ReadonlySet<string> = new Set([
  'builtins.getattr',
  'functools.partial',
  'operator.attrgetter',
  'operator.itemgetter',
]);

/** Packages and modules whose functions load, compile, fetch or run things; each of them has been used against a scanner. */
const GADGETS: readonly string[] = [
  'torch.load',
  'torch.serialization.load',
  'torch.storage._load_from_bytes',
  'torch.hub',
  'torch.package',
  'torch._inductor',
  'torch._dynamo',
  'torch._export',
  'torch._higher_order_ops',
  'torch.jit.unsupported_tensor_ops',
  'torch.jit._script',
  'torch.jit.load',
  'torch.jit.frontend',
  'torch.ops',
  'torch._ops',
  'torch.classes',
  'torch.testing',
  'torch.multiprocessing',
  'torch.distributed.rpc',
  'torch.distributed.run',
  'torch.distributed.elastic',
  'torch.distributed.launch',
  'torch.distributed.launcher',
  'torch.distributed.distributed_c10d',
  'torch.utils.bottleneck',
  'torch.utils.cpp_extension',
  'torch.utils.collect_env',
  'torch.utils._config_module',
  'torch.utils.data.datapipes.utils.decoder',
  'torch.fx.experimental',
  'numpy.testing',
  'numpy.f2py',
  'numpy.distutils',
  'numpy.load',
  'numpy.fromfile',
  'numpy.memmap',
  'numpy.lib.npyio',
  'numpy.lib._npyio_impl',
  'numpy.ctypeslib',
  'numpy.compat.py3k',
  'numpy.__config__',
  'pip',
  'setuptools',
  'pkg_resources',
  '_distutils_hack',
  'dill',
  'cloudpickle',
  'joblib',
  'pickleshare',
  'pandas.io',
  'pandas.read_pickle',
  'pandas.eval',
  'pandas.core.computation',
  'picklescan',
  'modelscan',
  'fickling',
  'modelaudit',
  'IPython',
  'ipykernel',
  'jinja2',
  'mako',
  'yaml',
  'ruamel',
  'psutil',
  'pexpect',
  'paramiko',
  'fabric',
  'invoke',
  'sh',
  'requests',
  'httpx',
  'urllib3',
  'aiohttp',
  'pty',
  'win32api',
  'win32com',
  'hydra.utils',
  'site',
];

/** The tier of a name as a pickle spells it. A dotted name does not inherit the tier of its module. */
export function globalTier(module: string, name: string): GlobalTier {
  if (isAllowedGlobal(module, name)) return 'torch';
  const full = python3Name(module, name);
  if (VETTED.has(full) || JUDGED_BY_ARGUMENTS.has(full)) return 'vetted';
  if (/(^|\.)__(?!main__)\w+__(\.|$)/.test(full) && !full.startsWith('__torch__')) return 'danger';
  if (GADGETS.some((gadget) => full === gadget || full.startsWith(`${gadget}.`))) return 'danger';
  const top = (text: string) => text.split('.', 1)[0] as string;
  return STDLIB_MODULES.has(top(module)) || STDLIB_MODULES.has(top(full)) ? 'danger' : 'unknown';
}

/** Whether the arguments decide what a call of the name does. */
export function isJudgedByArguments(module: string, name: string): boolean {
  return JUDGED_BY_ARGUMENTS.has(python3Name(module, name));
}

/**
 * A dotted attribute name reaches through what its module has imported: `torch` / `serialization.os.system`. A class inside a class
 * (`Config.Mode`) is the one honest use.
 */
export function isReachingName(module: string, name: string): boolean {
  if (!name.includes('.')) return false;
  const known = `${module}.${name}`;
  if (VETTED.has(known)) return false;
  if (STDLIB_MODULES.has(module.split('.', 1)[0] as string) || /^(torch|numpy)(\.|$)/.test(module))
    return true;
  return !name
    .split('.')
    .slice(0, -1)
    .every((part) => /^_*[A-Z]/.test(part));
}
