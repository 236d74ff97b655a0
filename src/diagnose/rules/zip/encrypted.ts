import { defineRule } from '../../define-rule.ts';

export default defineRule({
  id: 'zip/encrypted',
  severity: 'error',
  needs: 'container',
  title: 'A record that torch needs is encrypted',
  explain: () => ({
    message:
      'Neither torch nor ckpt-doctor has the password: torch.load fails with "PytorchStreamReader failed retrieving file meta-data for data.pkl: unsupported encryption". Unpack the archive with its password and zip the folder again with zip -0 -r; fix can not heal this.',
    subjects: [],
  }),
});
