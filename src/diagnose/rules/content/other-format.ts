import { defineRule } from '../../define-rule.ts';

export default defineRule({
  id: 'content/other-format',
  severity: 'error',
  needs: 'container',
  title: 'The file is of a format that torch.load does not read',
  explain: () => ({
    message:
      'The file is neither an archive of torch.save nor a pickle: torch.load fails with "Unsupported operand …" (the number is the first byte), with weights_only=False "invalid load key", or "unpickling stack underflow". Load it with the program that it belongs to; fix does not convert it.',
    subjects: [],
  }),
});
