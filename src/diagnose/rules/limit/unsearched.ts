import { defineTraceRule } from '../../define-trace-rule.ts';

export default defineTraceRule({
  id: 'limit/unsearched',
  severity: 'warning',
  title: 'A part of the archive or folder was not searched for pickles',
  kind: 'unsearched',
  lead: 'Not searched for pickles:',
  meaning:
    'torch.load does not read that part, another program may, and nobody has seen what it would do. fix --to safetensors writes the tensors and nothing else.',
});
