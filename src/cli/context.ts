import { EXIT, type ExitCode, worse } from './exit-codes.ts';
import { Output, type OutputStream } from './output.ts';

/** Options that every command takes. */
export interface GlobalOptions {
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  /** False for `--no-color`. */
  readonly color?: boolean;
  readonly debug?: boolean;
}

/** What a command has to do with the world. */
export class Context {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
  #code: ExitCode = EXIT.done;

  constructor(world: { stdout: OutputStream; stderr: OutputStream; env: NodeJS.ProcessEnv }) {
    this.stdout = new Output(world.stdout);
    this.stderr = new Output(world.stderr);
    this.env = world.env;
  }

  get exitCode(): ExitCode {
    return this.#code;
  }

  /** The gravest code of a run stands. */
  raise(code: ExitCode): void {
    this.#code = worse(this.#code, code);
  }

  /** For a command that weighs what it met itself: this code stands, unless a graver one comes later. */
  settle(code: ExitCode): void {
    this.#code = code;
  }
}
