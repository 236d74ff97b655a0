import { defineRule } from '../../define-rule.ts';
import { fileName } from '../../wording.ts';

export default defineRule({
  id: 'pickle/shared-containers',
  severity: 'error',
  needs: 'pickle',
  title: 'Containers hold each other so often that not everything is listed',
  check({ omissions, path }) {
    const [first] = omissions;
    if (first === undefined) return undefined;
    return {
      message: `The listing is not complete: ${first}. What was left out was not judged either, so this file is not called clean. A few bytes that refer back to what stands before, or stand in each other without measure, make such a tangle, and no training does: torch loads it, and a program that walks through the values hangs or runs out of memory ("MemoryError"). fix does not rewrite such a file.`,
      subjects: [fileName(path)],
    };
  },
});
