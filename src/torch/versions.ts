/** A release of torch as one number: 2.13 is 2013. */
export type TorchVersion = number;

/** Reads `1.13`, `2.1`, `2.0.1`; undefined for what is no version of torch. */
export function parseTorchVersion(text: string): TorchVersion | undefined {
  const [, major, minor] = /^v?(\d)\.(\d{1,2})(?:\.\d+)?$/.exec(text.trim()) ?? [];
  return major === undefined ? undefined : Number(major) * 1000 + Number(minor);
}

export function versionText(version: TorchVersion): string {
  return `${Math.floor(version / 1000)}.${version % 1000}`;
}

/** The first release that reads archives of version 3, as fix writes them; older ones say that theirs is too new. */
export const READS_ARCHIVE: TorchVersion = 1006;
/** The first release whose rebuild functions take the dict of lazy conjugates and negatives, and build all sparse layouts alike. */
export const TORCH_2: TorchVersion = 2000;
/** The first release that has `_rebuild_tensor_v3`, and with it the first dtypes without a storage class. */
export const REBUILD_V3: TorchVersion = 2002;

/** The first releases that save and load a dtype, of those that 1.13 did not save; no release loads what it has no dtype for. */
export const DTYPE_SINCE: Readonly<Record<string, TorchVersion>> = {
  float8_e5m2: 2002,
  float8_e4m3fn: 2002,
  float8_e5m2fnuz: 2002,
  float8_e4m3fnuz: 2002,
  uint16: 2003,
  uint32: 2003,
  uint64: 2003,
  complex32: 2003,
  bits8: 2003,
  bits1x8: 2003,
  bits2x4: 2003,
  bits4x2: 2003,
  bits16: 2003,
  float8_e8m0fnu: 2007,
  float4_e2m1fn_x2: 2008,
  bcomplex32: 2014,
};

/** The first releases that have what a pickle may call to build a tensor, of those names that 1.13 did not have. */
const BUILT_SINCE: Readonly<Record<string, TorchVersion>> = {
  'torch._utils._rebuild_tensor_v3': REBUILD_V3,
  'torch._utils._rebuild_parameter_with_state': TORCH_2,
  'torch._utils._rebuild_nested_tensor': TORCH_2,
  'torch._utils._rebuild_device_tensor_from_cpu_tensor': 2006,
  'torch.nested._internal.nested_tensor._rebuild_njt': 2003,
  'torch.nn.parameter.Buffer': 2005,
};

/** The first release that knows a name of torch's; undefined where 1.13 does, or where it is none of torch's own. */
export function knownSince(qualifiedName: string): TorchVersion | undefined {
  const dtype = /^torch\.(\w+)$/.exec(qualifiedName)?.[1];
  return dtype === undefined ? BUILT_SINCE[qualifiedName] : DTYPE_SINCE[dtype];
}
