import { defineRule } from '../../define-rule.ts';
import { globalsResult } from '../../globals-finding.ts';

/** What a checkpoint has no use for, and an attack has. */
const RUNS_CODE =
  /^(os|posix|nt|subprocess|sys|shutil|socket|runpy|pty|importlib|ctypes|marshal|webbrowser|code|pdb|timeit|urllib|http|multiprocessing|asyncio|bdb|cProfile|profile|trace|doctest|pip|builtins\.(eval|exec|compile|__import__|open|execfile|input|breakpoint))(\.|$)/;

export default defineRule({
  id: 'globals/not-allowlisted',
  severity: 'error',
  needs: 'pickle',
  title: 'The pickle names what weights_only does not allow',
  check(_checkpoint, examination) {
    return globalsResult(examination, 'other', (globals) => {
      const runsCode = globals.some(({ name }) => RUNS_CODE.test(name));
      return {
        noun: 'global that is not allowed',
        plural: 'globals that are not allowed',
        ...(runsCode
          ? {
              also: 'Names like these run code and have no place in a checkpoint: do not load it with weights_only=False, and do not allow them.',
            }
          : {
              byHand:
                'load it with weights_only=False, or after torch.serialization.add_safe_globals, and save plain values and state_dicts in their place',
            }),
      };
    });
  },
});
