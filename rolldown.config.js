import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The licence of what is built into the page, as it asks. */
const layoutLicence = readFileSync(
  new URL('node_modules/d3-hierarchy/LICENSE', import.meta.url),
  'utf8',
).trim();

/** Where `inspect` of an ordinary checkpoint begins: these, and all that they import, are one file. */
const INSPECT =
  /src[\\/](cli[\\/](main|theme|inspect-files|commands[\\/]inspect)|formats[\\/](open-archive|torch-zip)|report[\\/]terminal[\\/]inspect-report)\.ts$/;

/** commander starts other programs, which are commands of their own to it. There are none here, and the module takes a millisecond to load. */
const childProcessOnDemand = {
  name: 'child-process-on-demand',
  resolveId: (id, importer) =>
    id === 'node:child_process' && /[\\/]commander[\\/]/.test(importer ?? '') ? `\0${id}` : null,
  load: (id) =>
    id === '\0node:child_process'
      ? "export const spawn = (...given) => process.getBuiltinModule('node:child_process').spawn(...given);"
      : null,
};

const spelled = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
/** V8 keeps a text of ASCII alone in half the memory, and reads it twice as fast. */
const asciiAlone = {
  name: 'ascii-alone',
  generateBundle(_options, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type === 'chunk') file.code = file.code.replace(/[^\0-\x7f]/g, spelled);
    }
  },
};

export default [
  // The command line as a handful of files: to load a hundred small modules would take longer than to inspect a checkpoint. In the form
  // of scripts, because V8 can't be given back what it compiled of a module.
  {
    input: 'src/cli/main.ts',
    platform: 'node',
    output: {
      dir: 'dist/bin',
      format: 'cjs',
      dynamicImportInCjs: false,
      minify: true,
      cleanDir: true,
      entryFileNames: '[name].cjs',
      chunkFileNames: '[name]-[hash].cjs',
      codeSplitting: { groups: [{ name: 'inspect', test: INSPECT }] },
    },
    plugins: [
      childProcessOnDemand,
      asciiAlone,
      {
        name: 'compiled',
        writeBundle() {
          const run = ['bin/keep-compiled.js', 'inspect', 'fixtures/broken/ddp_cuda.pth'];
          const { status } = spawnSync(process.execPath, run, { stdio: ['ignore', 'ignore', 'inherit'] });
          if (status !== 0) this.error('the built command line does not run');
        },
      },
    ],
  },
  // What a thread loads, by itself: a file that it shared with the command line would run the command line in the thread.
  {
    input: 'src/numeric/scan-thread.ts',
    platform: 'node',
    output: { file: 'dist/bin/scan-thread.js', format: 'esm', minify: true },
  },
  // The script and the style of the page that `report` writes, which stand in every such page.
  {
    input: 'src/report/html/main.ts',
    platform: 'browser',
    tsconfig: 'src/report/html/tsconfig.json',
    output: {
      file: 'dist/page/page.js',
      format: 'iife',
      minify: true,
      postBanner: `/*! d3-hierarchy\n${layoutLicence}\n*/`,
    },
    plugins: [
      {
        name: 'style',
        generateBundle() {
          const sheets = ['page', 'values'].map((name) =>
            readFileSync(`src/report/html/${name}.css`, 'utf8'),
          );
          const source = sheets.join('\n');
          this.emitFile({ type: 'asset', fileName: 'page.css', source });
        },
      },
    ],
  },
];
