import { tierOfCall } from '../diagnose/loading.ts';
import type { OddityKind, PickleTrace } from '../pickle/trace.ts';
import { callableName } from '../pickle/values.ts';
import { type GlobalTier, globalTier } from '../torch/global-tiers.ts';

/** What a loader would do at an opcode, or what is odd about it. */
export type PickleEvent =
  | { readonly kind: 'import'; readonly name: string; readonly tier: GlobalTier }
  /** `name` is undefined where what is called is the result of a call. */
  | { readonly kind: 'call'; readonly name: string | undefined; readonly tier: GlobalTier }
  | { readonly kind: 'oddity'; readonly oddity: OddityKind; readonly what: string };

/** The events of a pickle by the offset of the opcode that they happen at: each import at its first mention, each call, each oddity. */
export function pickleEvents({ globals, calls, oddities }: PickleTrace): Map<number, PickleEvent[]> {
  const events = new Map<number, PickleEvent[]>();
  const add = (offset: number, event: PickleEvent): void => {
    const there = events.get(offset);
    if (there) there.push(event);
    else events.set(offset, [event]);
  };
  for (const { module, name, qualifiedName, offset } of globals)
    add(offset, { kind: 'import', name: qualifiedName, tier: globalTier(module, name) });
  for (const call of calls)
    add(call.offset, { kind: 'call', name: callableName(call), tier: tierOfCall(call) });
  for (const { kind, what, offset } of oddities) add(offset, { kind: 'oddity', oddity: kind, what });
  return events;
}
