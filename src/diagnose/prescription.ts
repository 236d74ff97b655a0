import type { Finding } from './finding.ts';

/** One course of treatment for all findings. */
export interface Prescription {
  /** Flags for one run of `fix`; empty where nothing can be healed. */
  readonly flags: readonly string[];
  /** Errors and warnings that no flag heals. Advice is not among them. */
  readonly unhealed: readonly Finding[];
}

/** Merges what the findings ask for into one command. `--auto` goes where another flag makes `fix` write the file anyway. */
export function prescribe(findings: readonly Finding[]): Prescription {
  const treatments = new Map<string, readonly string[]>();
  for (const finding of findings)
    for (const treatment of splitFlags(finding.fix)) treatments.set(treatment.join(' '), treatment);
  if (treatments.size > 1) treatments.delete('--auto');
  return {
    flags: [...treatments.values()].flat(),
    unhealed: findings.filter((finding) => finding.fix.length === 0 && finding.severity !== 'info'),
  };
}

/** `--a x --b` as `[--a x] [--b]`: a flag stays with its values. */
function splitFlags(flags: readonly string[]): string[][] {
  const parts: string[][] = [];
  for (const word of flags) {
    const last = parts.at(-1);
    if (last && !word.startsWith('--')) last.push(word);
    else parts.push([word]);
  }
  return parts;
}
