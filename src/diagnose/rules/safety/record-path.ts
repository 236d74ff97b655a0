import { defineRule } from '../../define-rule.ts';
import { namesWithFault } from '../../record-names.ts';
import { counted } from '../../wording.ts';

export default defineRule({
  id: 'safety/record-path',
  severity: 'error',
  needs: 'container',
  title: 'A record of the archive would be unpacked outside of its folder',
  check(_checkpoint, { records }) {
    const found = namesWithFault(records.named, 'outside');
    const [first] = found;
    if (!first) return undefined;
    return {
      message: `${counted(found.length, 'record has a name', 'records have names')} that leads away from the archive: ${first.name} ${first.what}. torch.load does not unpack anything; a program that does may overwrite a file of yours. Nobody names the parts of a checkpoint so by accident.`,
      subjects: found.map(({ name }) => name),
    };
  },
});
