/** The words that torch's error messages use for its dtypes. */
const SCALAR_TYPES: Readonly<Record<string, string>> = {
  float16: 'Half',
  bfloat16: 'BFloat16',
  float32: 'Float',
  float64: 'Double',
};

/** What a linear layer of dtype `layer` says to activations of dtype `activation`, in torch 2.13's words. */
export function mismatchFailure(activation: string, layer: string): string {
  const [first, second] = [activation, layer].map((name) => SCALAR_TYPES[name] ?? name);
  return `mat1 and mat2 must have the same dtype, but got ${first} and ${second}`;
}
