import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const JUDGE = fileURLToPath(new URL('./judge.py', import.meta.url));
/** The modules that fixtures pickled whole are made of stand there. */
const RECIPES = fileURLToPath(new URL('../../fixtures', import.meta.url));
const VENV = fileURLToPath(new URL('../../.venv/bin/python', import.meta.url));

/** What the judge says. `faults` is there when the judgement is against the file. */
export interface Verdict {
  readonly faults?: readonly string[];
  readonly tensors?: number;
  readonly entries?: number;
  /** The file is the one that safetensors itself would have written; null where that can't be told. */
  readonly sameBytes?: boolean | null;
  readonly torch?: string;
  readonly numpy?: boolean;
  /** Finite numbers that became infinite. */
  readonly overflow?: number;
  /** SHA-256 of a data.pkl: of its bytes, and of what they come to where equal strings are one. */
  readonly bytes?: string;
  readonly meaning?: string;
  /** What the tensors of a dict stand for. */
  readonly numbers?: Readonly<Record<string, string>>;
}

/** How keys are expected to differ between the file before and the file after. */
export type KeyChange = { strip: readonly string[] } | { add: string } | { remove: readonly string[] };

/** A Python process with torch that answers one question after the other: starting torch takes longer than most judgements. */
export class Torch {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #waiting: ((verdict: Verdict | Error) => void)[] = [];
  #complaints = '';
  #end: Error | undefined;
  version = '';
  numpy = false;

  private constructor(python: string) {
    this.#process = spawn(python, [JUDGE], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, PYTHONPATH: RECIPES, PYTHONDONTWRITEBYTECODE: '1' },
    });
    this.#process.stderr.on('data', (data) => {
      this.#complaints = `${this.#complaints}${data}`.slice(-2000);
    });
    createInterface(this.#process.stdout).on('line', (line) => this.#waiting.shift()?.(JSON.parse(line)));
    const end = (reason: string) => {
      this.#end = new Error(`${python}: ${reason}\n${this.#complaints}`);
      for (const settle of this.#waiting.splice(0)) settle(this.#end);
    };
    this.#process.on('error', (error) => end(error.message));
    this.#process.on('close', (code) => end(`the judge ended with status ${code}`));
    this.#process.stdin.on('error', () => {});
  }

  /** @throws Error when that Python has no torch: these tests are never skipped for want of it. */
  static async start(python: string): Promise<Torch> {
    const torch = new Torch(python);
    const hello = await torch.ask({ do: 'hello' });
    torch.version = hello.torch ?? '';
    torch.numpy = hello.numpy ?? false;
    return torch;
  }

  ask(request: Record<string, unknown>): Promise<Verdict> {
    return new Promise((resolve, reject) => {
      if (this.#end) throw this.#end;
      this.#waiting.push((verdict) => (verdict instanceof Error ? reject(verdict) : resolve(verdict)));
      this.#process.stdin.write(`${JSON.stringify(request)}\n`);
    });
  }

  /** Loads both and compares everything: values, order, sharing, strides, bytes, `_metadata`. */
  compare(
    before: string,
    after: string,
    options: {
      change?: KeyChange;
      trust?: boolean;
      restricted?: boolean;
      laid?: boolean;
      mappable?: boolean;
      safe?: boolean;
    } = {},
  ): Promise<Verdict> {
    return this.ask({ do: 'compare', before, after, ...options });
  }

  /** Compares the tensors of a dict, which stands at `place`, with those of files of another form. */
  converted(before: string, after: readonly string[], place: readonly string[] = []): Promise<Verdict> {
    return this.ask({ do: 'converted', before, after, place });
  }

  stop(): void {
    this.#process.stdin.end();
  }
}

/** The Python that `npm run test:torch` uses: CKPT_DOCTOR_PYTHON, the repository's .venv, or python3. */
export function pythonWithTorch(): string {
  return process.env.CKPT_DOCTOR_PYTHON ?? (existsSync(VENV) ? VENV : 'python3');
}

/** A Python with torch 1.13, where there is one. */
export function pythonWithOldTorch(): string | undefined {
  return process.env.CKPT_DOCTOR_PYTHON_OLD || undefined;
}
