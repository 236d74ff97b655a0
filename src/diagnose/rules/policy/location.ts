import { defineRule } from '../../define-rule.ts';
import { findTagged } from '../../device-tags.ts';
import { isListed } from '../../wildcard.ts';
import { counted, listed } from '../../wording.ts';

export default defineRule({
  id: 'policy/location',
  severity: 'error',
  needs: 'pickle',
  title: 'Storages have a location that the policy does not allow',
  options: { allow: ['*'] },
  check(checkpoint, { storages }, { allow }) {
    const tagged = findTagged(checkpoint, storages, (tag) => !isListed(tag, allow));
    if (!tagged) return undefined;
    const { tags, subjects } = tagged;
    return {
      message: `${counted(subjects.length, 'tensor is', 'tensors are')} tagged ${listed(tags, 8)}, and the policy allows ${listed(allow, 8) || 'no location'}.`,
      subjects,
      // data can be sent to any device but not to meta, and none can be had from there
      fix: allow.includes('cpu') && !tags.includes('meta') ? ['--map-location', 'cpu'] : [],
    };
  },
});
