import { expect, it } from 'vitest';
import { ruleIndex } from '../support/rule-index.ts';

// `npx vitest run test/diagnose/rule-index.test.ts -u` writes the page anew
it('the index of the pages lists every rule', async () => {
  await expect(ruleIndex()).toMatchFileSnapshot('../../docs/rules/README.md');
});
