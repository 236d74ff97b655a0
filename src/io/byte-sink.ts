/** Where bytes go, at positions of the caller's choice. */
export interface ByteSink {
  /**
   * Writes all of `bytes` at `offset`. Several writes to places that don't overlap may be in flight; the caller keeps
   * `bytes` unchanged until the promise settles.
   * @throws RefusedError where the place that it goes to does not take it: no space, no permission.
   */
  write(offset: number, bytes: Uint8Array): Promise<void>;
}
