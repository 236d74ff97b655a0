import { defineRule } from '../../define-rule.ts';
import { globalsResult } from '../../globals-finding.ts';

export default defineRule({
  id: 'globals/config-object',
  severity: 'error',
  needs: 'pickle',
  title: 'The pickle holds settings as objects: Namespace, DictConfig, defaultdict',
  check(_checkpoint, examination) {
    return globalsResult(examination, 'config', () => ({
      noun: 'class of settings',
      plural: 'classes of settings',
      byHand:
        'load it with weights_only=False, turn the settings into plain dicts (vars(args), dict(d), OmegaConf.to_container(cfg)), and save again',
    }));
  },
});
