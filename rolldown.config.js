// The command line as a handful of files: to load a hundred small modules would take longer than to inspect a checkpoint.
// A thread loads a file of its own.
export default {
  input: { main: 'src/cli/main.ts', 'scan-thread': 'src/numeric/scan-thread.ts' },
  platform: 'node',
  output: { dir: 'dist/bin', format: 'esm', minify: true, chunkFileNames: '[name]-[hash].js' },
};
