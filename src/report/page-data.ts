// What the page of `report` is made of. Plain data: the page reads it in a browser, where nothing else of this house is.

/** A sum over tensors or storages: of a dtype, of a device, of a part. */
export interface PageSum {
  readonly name: string;
  readonly count: number;
  readonly bytes: number;
  /** Where a part stands, for people. */
  readonly places?: string;
}

/** A piece of the page of a rule. */
export interface PageBlock {
  readonly kind: 'heading' | 'paragraph' | 'message' | 'code' | 'list';
  /** Paragraphs and items may hold `code` between backticks. */
  readonly lines: readonly string[];
}

export interface PageFinding {
  readonly rule: string;
  readonly severity: 'error' | 'warning' | 'info';
  readonly title: string;
  readonly message: string;
  readonly count: number;
  readonly subjects: readonly string[];
  /** The command that heals this alone; empty where none does. */
  readonly command: string;
  readonly explanation: readonly PageBlock[];
}

/** One array for each column, a tensor at the same index in all of them. */
export interface TensorColumns {
  /** Dotted names, in which what a reader would not see is spelt out. */
  readonly name: readonly string[];
  /** Indexes into `dtypes`, `locations` and `parts` of the page; -1 where there is none. */
  readonly dtype: readonly number[];
  readonly location: readonly number[];
  readonly part: readonly number[];
  readonly shape: readonly (readonly number[])[];
  readonly elements: readonly number[];
  /** Bytes of the elements. */
  readonly bytes: readonly number[];
  /** Bytes that the tensor takes in the file: its share of its storage, with what nobody uses. */
  readonly stored: readonly number[];
  /** Of those, bytes that no tensor uses. */
  readonly wasted: readonly number[];
  readonly storage: readonly string[];
  /** What is out of the ordinary: `parameter`, `quantized`, `tied` … */
  readonly note: readonly string[];
}

/**
 * What the numbers are like: one array for each column, a tensor at the same index as in `TensorColumns`. Numbers have six digits, and are
 * null where there are none. Minimum, maximum, mean and deviation are those of the finite numbers.
 */
export interface NumberColumns {
  /** Of some tensors only a part was looked at. */
  readonly sampled: boolean;
  /** Numbers that were looked at; 0 where there are none to look at. */
  readonly count: readonly number[];
  readonly nan: readonly number[];
  readonly infinite: readonly number[];
  readonly zeros: readonly number[];
  /** Finite numbers that a cast to float16 would make infinite. */
  readonly overflow: readonly number[];
  readonly min: readonly (number | null)[];
  readonly max: readonly (number | null)[];
  readonly mean: readonly (number | null)[];
  readonly std: readonly (number | null)[];
  /** As `packCounts` writes the counts of equal bins; empty where all numbers are the same. */
  readonly histogram: readonly string[];
  /** What the bins cover; null where that is all from the smallest to the largest number. */
  readonly range: readonly (readonly [number, number] | null)[];
}

export interface PageSharing {
  readonly storage: string;
  readonly bytes: number;
  readonly names: readonly string[];
  /** All of them are one tensor under several names. */
  readonly tied: boolean;
}

export interface PageData {
  readonly version: string;
  readonly file: { readonly path: string; readonly name: string; readonly bytes: number };
  /** What the file is, in words. */
  readonly facts: readonly string[];
  readonly damage?: string;
  readonly totals: {
    readonly tensors: number;
    readonly parameters: number;
    readonly tensorBytes: number;
    readonly storages: number;
    readonly storageBytes: number;
    readonly wastedBytes: number;
  };
  readonly dtypes: readonly PageSum[];
  readonly locations: readonly PageSum[];
  readonly parts: readonly PageSum[];
  readonly findings: readonly PageFinding[];
  /** The one command that heals all that can be healed; empty where there is nothing to heal. */
  readonly command: string;
  readonly tensors: TensorColumns;
  /** There where values were asked for. */
  readonly numbers?: NumberColumns;
  readonly sharing: readonly PageSharing[];
  /** Values that are no tensors: name and text. */
  readonly values: readonly (readonly [string, string])[];
}
