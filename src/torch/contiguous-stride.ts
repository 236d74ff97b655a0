/** Strides of a tensor in C order as torch numbers them, in elements: a size of 0 counts as 1. */
export function contiguousStride(shape: readonly number[]): number[] {
  const stride = new Array<number>(shape.length);
  let step = 1;
  for (let dim = shape.length - 1; dim >= 0; dim--) {
    stride[dim] = step;
    step *= Math.max(1, shape[dim] as number);
  }
  return stride;
}
