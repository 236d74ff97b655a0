import { defineRule } from '../../define-rule.ts';

export default defineRule({
  id: 'zip/truncated',
  severity: 'error',
  needs: 'container',
  title: 'The archive is cut short: the directory at its end is missing',
  explain: () => ({
    message:
      'An archive has its directory at the end, and this one ends before it, as a download, a copy or a save leaves it that was interrupted: torch.load fails with "PytorchStreamReader failed reading zip archive: failed finding central directory", and for files of 4 to 69 kB with "OSError: [Errno 22] Invalid argument". Get the file again; fix can not bring back what is not there.',
    subjects: [],
  }),
});
