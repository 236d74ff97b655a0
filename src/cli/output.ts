/** Characters that go out at once: few writes, little memory. */
const CHUNK = 1 << 16;

/** The part of a writable stream that the commands use. Those of `process` fit. */
export interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string, done: (error?: Error | null) => void): boolean;
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
}

/** The reader went away (`| head`): there is nobody left to work for. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

/** What we write can't be taken: the disk behind a redirection is full, or broken. */
export class OutputFailed extends Error {
  override readonly name = 'OutputFailed';
}

/** A stream that is written at the pace of its reader, and that ends quietly when the reader leaves. */
export class Output {
  readonly stream: OutputStream;
  #fault: (Error & { code?: string | undefined }) | undefined;

  constructor(stream: OutputStream) {
    this.stream = stream;
    stream.on('error', (error) => {
      this.#fault ??= error;
    });
  }

  /**
   * Returns when the text is out of our hands.
   * @throws OutputClosed when the reader has gone; OutputFailed for anything else, such as a full disk.
   */
  async write(text: string): Promise<void> {
    this.#check();
    await new Promise<void>((resolve) => {
      this.stream.write(text, (error) => {
        if (error) this.#fault ??= error;
        resolve();
      });
    });
    this.#check();
  }

  /** Many pieces in few writes. */
  async writeAll(pieces: Iterable<string>): Promise<void> {
    let chunk = '';
    for (const piece of pieces) {
      chunk += piece;
      if (chunk.length < CHUNK) continue;
      await this.write(chunk);
      chunk = '';
    }
    await this.write(chunk);
  }

  #check(): void {
    if (!this.#fault) return;
    const { code, message } = this.#fault;
    if (code === 'EPIPE') throw new OutputClosed();
    throw new OutputFailed(
      code === 'ENOSPC' ? 'output: no space left on device (ENOSPC)' : `output: ${message}`,
    );
  }
}
