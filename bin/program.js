// CommonJS, as `package.json` beside it says: node starts its loader of ES modules only for who needs it, and that takes a tenth of
// the time of a small checkpoint.
const { readFileSync } = require('node:fs');
const { createRequire, Module } = require('node:module');
const { dirname, join } = require('node:path');
const { Script } = require('node:vm');

const PROGRAM = join(__dirname, '../dist/bin/main.cjs');
/** What V8 compiled of the program when it was built: half of the time that a small checkpoint takes would go into compiling it anew. */
const COMPILED = `${PROGRAM}.compiled`;

/** The built command line. V8 leaves what it compiled in another version aside by itself, and compiles again. */
exports.loadProgram = () => {
  const script = new Script(
    `(function(exports,require,module,__filename,__dirname){${readFileSync(PROGRAM, 'latin1')}\n})`,
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
};

function readCompiled() {
  try {
    return readFileSync(COMPILED);
  } catch {
    return undefined;
  }
}
