/** What vitest reports to: the terminal, and a JSON file too where VITEST_REPORT names one, for whoever counts the tests of several runs. */
export function reporters(): ('default' | ['json', { outputFile: string }])[] {
  const outputFile = process.env.VITEST_REPORT;
  return outputFile ? ['default', ['json', { outputFile }]] : ['default'];
}
