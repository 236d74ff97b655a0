/** Where `inspect` of an ordinary checkpoint begins: these, and all that they import, are one file. */
const INSPECT =
  /src[\\/](cli[\\/](main|theme|inspect-files|commands[\\/]inspect)|formats[\\/](open-archive|torch-zip)|report[\\/]terminal[\\/]inspect-report)\.ts$/;

// The command line as a handful of files: to load a hundred small modules would take longer than to inspect a checkpoint.
export default {
  input: 'src/cli/main.ts',
  platform: 'node',
  output: {
    dir: 'dist/bin',
    format: 'esm',
    minify: true,
    cleanDir: true,
    chunkFileNames: '[name]-[hash].js',
    codeSplitting: { groups: [{ name: 'inspect', test: INSPECT }] },
  },
};
