// The command line as a handful of files: to load a hundred small modules would take longer than to inspect a checkpoint.
export default {
  input: 'src/cli/main.ts',
  platform: 'node',
  output: { dir: 'dist/bin', format: 'esm', minify: true, chunkFileNames: '[name]-[hash].js' },
};
