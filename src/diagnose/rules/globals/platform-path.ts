import { defineRule } from '../../define-rule.ts';
import { globalsResult } from '../../globals-finding.ts';

export default defineRule({
  id: 'globals/platform-path',
  severity: 'error',
  needs: 'pickle',
  title: 'The pickle holds pathlib paths of one operating system',
  check(_checkpoint, examination) {
    return globalsResult(examination, 'path', (globals) => {
      const windows = globals.some(({ name }) => name.includes('Windows'));
      const [type, other] = windows ? ['WindowsPath', 'Linux and macOS'] : ['PosixPath', 'Windows'];
      return {
        noun: 'pathlib class',
        plural: 'pathlib classes',
        also: `weights_only=False fails too on ${other}: "cannot instantiate '${type}' on your system".`,
        byHand:
          'load it with weights_only=False on the system that saved it, and save str(path) in its place',
      };
    });
  },
});
