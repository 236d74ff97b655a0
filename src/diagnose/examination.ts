import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { type FoundWeights, findWeights } from '../checkpoint/find-weights.ts';
import { findStateDicts, type StateDict } from '../checkpoint/state-dicts.ts';
import type { Storage } from '../checkpoint/storage.ts';
import { plainForms } from '../formats/plain-forms.ts';
import {
  type RecordCensus,
  recordCensus,
  type StorageCensus,
  storageCensus,
  type TensorCensus,
  tensorCensus,
} from './census.ts';
import { compareKeys, type ExpectedKeys, type KeyComparison } from './expected-keys.ts';
import { type GraphFacts, graphFacts } from './graph-facts.ts';
import { findModelDicts } from './model-dicts.ts';
import type { PayloadFacts } from './payload.ts';
import { findRefusedGlobals, type GlobalKind, type RefusedGlobal } from './refused-globals.ts';
import { type Stretch, sharedStretches } from './shared-views.ts';
import { findSuspicions, type Suspicion } from './suspicions.ts';
import { findWeightGroups, type WeightGroup } from './weight-groups.ts';
import { findWrappings, type Wrapping } from './wrappers.ts';

/** What several rules read of one checkpoint: each is worked out when it is first asked for, and then kept. */
export class Examination {
  readonly #checkpoint: Checkpoint;
  #storages: StorageCensus | undefined;
  #tensors: TensorCensus | undefined;
  #records: RecordCensus | undefined;
  #stateDicts: readonly StateDict[] | undefined;
  #weightGroups: readonly WeightGroup[] | undefined;
  #modelDicts: readonly StateDict[] | undefined;
  #wrappings: readonly Wrapping[] | undefined;
  #refusedGlobals: readonly RefusedGlobal[] | undefined;
  #weights: FoundWeights | null | undefined;
  #withoutPlainForm: readonly string[] | undefined;
  #sharedStretches: ReadonlyMap<Storage, readonly Stretch[]> | undefined;
  #keyComparison: KeyComparison | undefined;
  #suspicions: readonly Suspicion[] | undefined;
  #graph: GraphFacts | undefined;

  /** What the user's model has, where the user told. */
  readonly expected: ExpectedKeys | undefined;
  /** What the tensor bytes showed, where they were read. */
  readonly payload: PayloadFacts | undefined;

  constructor(checkpoint: Checkpoint, expected?: ExpectedKeys, payload?: PayloadFacts) {
    this.#checkpoint = checkpoint;
    this.expected = expected;
    this.payload = payload;
  }

  /** What there is among the storages. */
  get storages(): StorageCensus {
    this.#storages ??= storageCensus(this.#checkpoint);
    return this.#storages;
  }

  /** What there is among the tensors. */
  get tensors(): TensorCensus {
    this.#tensors ??= tensorCensus(this.#checkpoint);
    return this.#tensors;
  }

  /** What there is among the records of the archive. */
  get records(): RecordCensus {
    this.#records ??= recordCensus(this.#checkpoint);
    return this.#records;
  }

  get stateDicts(): readonly StateDict[] {
    this.#stateDicts ??= findStateDicts(this.#checkpoint);
    return this.#stateDicts;
  }

  /** The floating-point tensors of each model, without optimizer state. */
  get weightGroups(): readonly WeightGroup[] {
    this.#weightGroups ??= findWeightGroups(this.stateDicts);
    return this.#weightGroups;
  }

  /** The state_dicts of models: not those of optimizers, not the attributes of pickled modules, not dicts of features. */
  get modelDicts(): readonly StateDict[] {
    this.#modelDicts ??= findModelDicts(this.stateDicts, this.weightGroups);
    return this.#modelDicts;
  }

  /** The state_dict that was meant for the user's model, held against that model. */
  get keyComparison(): KeyComparison | undefined {
    if (this.expected) this.#keyComparison ??= compareKeys(this.stateDicts, this.expected);
    return this.#keyComparison;
  }

  /** What loaders would do that no honest file asks of them. */
  get suspicions(): readonly Suspicion[] {
    this.#suspicions ??= findSuspicions(this.#checkpoint.traces ?? []);
    return this.#suspicions;
  }

  /** How the values hang together. */
  get graph(): GraphFacts {
    this.#graph ??= graphFacts(this.#checkpoint.root);
    return this.#graph;
  }

  /** Where several tensors view one storage. */
  get sharedStretches(): ReadonlyMap<Storage, readonly Stretch[]> {
    this.#sharedStretches ??= sharedStretches(this.#checkpoint);
    return this.#sharedStretches;
  }

  /** What wrappers put before the keys of each state_dict. */
  get wrappings(): readonly Wrapping[] {
    this.#wrappings ??= findWrappings(this.stateDicts);
    return this.#wrappings;
  }

  /** The globals of one kind that `weights_only` does not take, in the order of the stream. */
  refusedGlobals(kind: GlobalKind): readonly RefusedGlobal[] {
    this.#refusedGlobals ??= findRefusedGlobals(this.#checkpoint);
    return this.#refusedGlobals.filter((global) => global.kind === kind);
  }

  /** The state_dict or module that `fix --weights` would leave; undefined where it finds none, or several. */
  get weights(): FoundWeights | undefined {
    if (this.#weights === undefined) {
      const found = findWeights(this.#checkpoint);
      this.#weights = 'value' in found ? found : null;
    }
    return this.#weights ?? undefined;
  }

  /** What stands in the way of `fix --safe`; empty where it heals the file. */
  get withoutPlainForm(): readonly string[] {
    const { root, source } = this.#checkpoint;
    // whatever tensor an array becomes, weights_only takes it
    this.#withoutPlainForm ??= plainForms(root, { source, tensorOf: () => null }).left;
    return this.#withoutPlainForm;
  }

  /** `fix --weights` takes nothing away but the code: every tensor of the file stands in one pickled module. */
  get isModuleAlone(): boolean {
    const { weights } = this;
    if (!weights?.isModule) return false;
    return this.#checkpoint.tensors.every(({ path }) =>
      weights.path.every((segment, index) => path[index] === segment),
    );
  }
}
