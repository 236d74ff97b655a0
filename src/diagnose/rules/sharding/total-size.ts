import { defineRule } from '../../define-rule.ts';

export default defineRule({
  id: 'sharding/total-size',
  severity: 'warning',
  needs: 'container',
  title: 'The index declares another size than the shards have',
  check({ sharding }) {
    const { declared, found } = sharding?.totalSize ?? { declared: 0, found: 0 };
    if (declared === found) return undefined;
    return {
      message: `The index declares ${declared} bytes of tensors (total_size), the shards hold ${found}: they were cast, or saved anew, and the index was not. Loaders do not check it, but they plan memory by it.`,
      subjects: ['total_size'],
    };
  },
});
