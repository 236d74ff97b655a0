import { readFileSync } from 'node:fs';
import { createRequire, Module } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

const PROGRAM = fileURLToPath(new URL('../dist/bin/main.cjs', import.meta.url));
/** What V8 compiled of the program when it was built: half of the time that a small checkpoint takes would go into compiling it anew. */
const COMPILED = `${PROGRAM}.compiled`;

/** The built command line. V8 leaves what it compiled in another version aside by itself, and compiles again. */
export function loadProgram() {
  const script = new Script(
    `(function(exports,require,module,__filename,__dirname){${readFileSync(PROGRAM, 'utf8')}\n})`,
    {
      filename: PROGRAM,
      cachedData: readCompiled(),
    },
  );
  return {
    /** Whether V8 took what was compiled at the build. */
    isCompiled: script.cachedDataRejected === false,
    run() {
      const require = createRequire(PROGRAM);
      const module = new Module(PROGRAM);
      Object.assign(module, { filename: PROGRAM, loaded: true });
      // the other files of the bundle ask for this one, and must not be given a second program
      require.cache[PROGRAM] = module;
      script.runInThisContext()(module.exports, require, module, PROGRAM, dirname(PROGRAM));
    },
    /** All that is compiled by now, and the file in which it is looked for. */
    compiled: () => ({ file: COMPILED, data: script.createCachedData() }),
  };
}

function readCompiled() {
  try {
    return readFileSync(COMPILED);
  } catch {
    return undefined;
  }
}
