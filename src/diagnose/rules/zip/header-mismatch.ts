import { defineRule, type RuleResult } from '../../define-rule.ts';
import { isTorchArchive, rewriteFlags, rewriteWords } from '../../torch-archives.ts';
import { counted, printable } from '../../wording.ts';

const DAMAGED = 'is damaged';

export default defineRule({
  id: 'zip/header-mismatch',
  severity: 'warning',
  needs: 'container',
  title: 'Local headers of records contradict the directory of the archive',
  check(checkpoint, { payload }): readonly RuleResult[] {
    if (!isTorchArchive(checkpoint)) return [];
    const faults = [
      ...(payload?.headers ?? checkpoint.archive?.headerFaults ?? []),
      ...(checkpoint.archive?.oddities ?? [])
        .filter(({ kind }) => kind === 'unicode-name')
        .map(({ record = '', what }) => ({ record, fault: what })),
    ];
    const damaged = faults.filter(({ fault }) => fault === DAMAGED).map(({ record }) => record);
    const others = faults.filter(({ fault }) => fault !== DAMAGED);
    const fix = rewriteFlags(checkpoint);
    const results: RuleResult[] = [];
    if (damaged.length) {
      results.push({
        severity: 'error',
        message: `The local header before ${counted(damaged.length, 'record')} is damaged: torch.load fails with "PytorchStreamReader failed reading file ${printable(damaged[0] as string)}: invalid header or archive is corrupted", while mmap=True does not notice. ${rewriteWords(checkpoint, 'The bytes behind it stand where torch puts them, and fix writes new headers; compare the values afterwards.')}`,
        subjects: damaged,
        fix,
      });
    }
    const first = others[0];
    if (first) {
      results.push({
        message: `${counted(others.length, 'record is', 'records are')} described in two ways: by its local header or a field beside it, ${printable(first.record)} ${printable(first.fault)}. torch believes the directory and says nothing; Python's zipfile fails with "File name in directory … and header … differ", and other tools see another file than torch loads. ${rewriteWords(checkpoint, 'fix writes headers that agree.')}`,
        subjects: others.map(({ record }) => record),
        fix,
      });
    }
    return results;
  },
});
