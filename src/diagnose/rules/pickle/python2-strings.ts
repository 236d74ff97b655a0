import { pathName } from '../../../checkpoint/path.ts';
import { pathOf, walkNodes } from '../../../checkpoint/walk.ts';
import { Op } from '../../../pickle/opcodes.ts';
import { PyBytes, PyDict, PyObject, type Value } from '../../../pickle/values.ts';
import { defineRule } from '../../define-rule.ts';
import { counted, listed } from '../../wording.ts';

const OPCODES = [Op.SHORT_BINSTRING, Op.BINSTRING, Op.STRING];

export default defineRule({
  id: 'pickle/python2-strings',
  severity: 'error',
  needs: 'pickle',
  title: 'Python 2 wrote byte strings that are not UTF-8',
  check({ root, pickle }) {
    // without such an opcode there is none, and nothing to look for
    if (!pickle || !OPCODES.some((code) => pickle.opcodes[code])) return undefined;
    const subjects: string[] = [];
    const add = (value: Value, name: string): void => {
      if (value instanceof PyBytes && value.type === 'str2') subjects.push(name || 'the root');
    };
    walkNodes(root, (node, place) => {
      const name = pathName(pathOf(place));
      add(node, name);
      const keys =
        node instanceof PyDict
          ? node.keys
          : node instanceof PyObject
            ? (node.effects ?? []).flatMap((effect) => (effect.op === 'set' ? effect.keys : []))
            : [];
      for (const key of keys) add(key, `a key of ${name || 'the root'}`);
      return undefined;
    });
    if (!subjects.length) return undefined;
    return {
      message: `${counted(subjects.length, 'string')} of Python 2 ${subjects.length === 1 ? 'is' : 'are'} not UTF-8 (${listed(subjects)}): torch.load fails with "UnicodeDecodeError: 'utf-8' codec can't decode byte", old ones with "'ascii' codec can't decode byte". torch.load(path, encoding="latin1") reads it; fix does not heal this yet.`,
      subjects,
    };
  },
});
