import type { ByteSource } from '../io/byte-source.ts';
import type { UnreadableError } from '../io/errors.ts';
import type { RecordTrace } from '../pickle/trace.ts';
import type { PyDict, PyPersistent, Value } from '../pickle/values.ts';
import type { Storage } from './storage.ts';
import type { Tensor } from './tensor.ts';
import type { TensorHandle } from './tensor-handle.ts';

export type ContainerKind =
  | 'torch-zip'
  | 'torch-legacy'
  | 'torch-tar'
  | 'torchscript'
  | 'torch-export'
  | 'torch-package'
  | 'pickle'
  | 'safetensors'
  | 'sharded-index'
  | 'distcp'
  | 'numpy-npz'
  | 'unknown';

/** What holds the checkpoint. */
export interface Container {
  readonly kind: ContainerKind;
  /** Number after PROTO; 0 where the stream has none. Undefined where the container has no pickle. */
  readonly pickleProtocol?: number;
  readonly byteOrder: 'little' | 'big';
  /** Folder that all records of an archive stand in; empty where they stand in none. */
  readonly root?: string;
  /** Number of entries in an archive's directory. */
  readonly entries?: number;
  /** Words for a person: which torch wrote it, as far as the file shows: `torch 2.7 or newer`. */
  readonly era?: string;
  /** What is around the container, where the file has to be unpacked first. */
  readonly wrapper?: 'gzip' | 'tar' | 'zip';
  /** Words for a person, where the path is a folder: what kind of folder it is. */
  readonly folder?: string;
}

/** A record of the archive, in the order of its directory. */
export interface ArchiveRecord {
  /** Without the root folder; the whole name where the record stands outside of it. */
  readonly name: string;
  readonly outsideRoot: boolean;
  /** Bytes of the record's content. */
  readonly size: number;
  /** Bytes that it takes in the file; less than `size` where it is deflated. */
  readonly storedSize: number;
  readonly method: number;
  readonly crc32: number;
  /** Offset in the file of the first content byte; null where it is not known. */
  readonly dataOffset: number | null;
}

/** A record whose local header contradicts the directory, so that two readers may see two records. */
export interface HeaderFault {
  /** As the directory spells it, with its folder. */
  readonly record: string;
  /** What the local header says, as the end of a sentence: `is called 'x/data.pkl'`. */
  readonly fault: string;
}

/**
 * What two readers of an archive may understand differently, or no reader has a use for: another end record, records that share
 * bytes, links and devices, names in a field of their own or that are no UTF-8, bytes that belong to nothing, a comment.
 */
export interface ArchiveOddity {
  readonly kind:
    | 'second-directory'
    | 'overlap'
    | 'mode'
    | 'unicode-name'
    | 'not-utf8'
    | 'unclaimed'
    | 'comment';
  /** In words; of a record, the end of a sentence about it. */
  readonly what: string;
  /** As the directory spells it; undefined where it is no matter of one record. */
  readonly record?: string;
  /** Offset in the file, and where there is a stretch of bytes to look at, its end. */
  readonly offset: number;
  readonly end?: number;
}

/** What torch's archives say to a loader beside the checkpoint itself. */
export interface ArchiveFacts {
  /** Text of the record `version`; undefined where there is none. */
  readonly version: string | undefined;
  /** Text of the record `byteorder`; undefined where there is none. */
  readonly byteOrder: string | undefined;
  /** Number in the record `.storage_alignment`; undefined where there is none. */
  readonly alignment: number | undefined;
  /** Of the local headers that were read to open the archive: that of the pickle always, most others only when asked for. */
  readonly headerFaults: readonly HeaderFault[];
  /** How many names the records have without regard to case, as torch compares them. */
  readonly distinctNames: number;
  readonly oddities?: readonly ArchiveOddity[];
}

/** What the pickle machine saw while it decoded. */
export interface PickleFacts {
  readonly protocol: number;
  /** Bytes up to and with STOP. */
  readonly length: number;
  /** Bytes of the record that holds the pickle. */
  readonly recordLength: number;
  /** CRC-32 of that record's bytes as they are; undefined where not all of them were read. */
  readonly crc32?: number;
  /** How often each opcode byte occurs. */
  readonly opcodes: Readonly<Uint32Array>;
  /** Inline `bytes`, `bytearray` and `str` payloads of at least 1 MiB. */
  readonly longPayloads: readonly {
    readonly offset: number;
    readonly length: number;
    readonly opcode: string;
  }[];
}

export interface GlobalUse {
  readonly name: string;
  readonly count: number;
  /** torch 2.13's `weights_only` unpickler takes it without any allowlisting by the user. */
  readonly weightsOnly: boolean;
  /** Offset in the pickle of the first opcode that names it. */
  readonly offset: number;
}

/** One of the files of a checkpoint that is spread over several. */
export interface CheckpointFile {
  /** Relative to the folder of the checkpoint. */
  readonly name: string;
  /** Undefined where the file is not there. */
  readonly bytes: number | undefined;
}

/** How a checkpoint is spread over files, and where its parts contradict each other. */
export interface Sharding {
  readonly files: readonly CheckpointFile[];
  /** Tensors that the index places in a file in which they are not. */
  readonly lostKeys: readonly string[];
  /** Tensors that stand in two files or more. */
  readonly repeatedKeys: readonly string[];
  /** Tensors of the files that the index does not name. */
  readonly unlistedKeys: readonly string[];
  /** Bytes of all tensors as the index declares them, and as they are; undefined where it declares none. */
  readonly totalSize?: { readonly declared: number; readonly found: number };
}

/** What torch.load can take of a checkpoint whose own root it can't. */
export interface Loadable {
  readonly root: Value;
  /** What is left out, in words. */
  readonly notes: readonly string[];
}

/** A checkpoint, whatever container it came in. Everything that diagnoses, fixes and reports speaks of this alone. */
export interface Checkpoint {
  /** The path as the user gave it. */
  readonly path: string;
  readonly source: ByteSource;
  /** Bytes of the file where `source` is only what was unpacked from it, and of all files where there are several. */
  readonly fileSize?: number;
  readonly container: Container;
  /** The object that `torch.load` would return, inert. */
  readonly root: Value;
  readonly tensors: readonly Tensor[];
  readonly storages: readonly Storage[];
  /** Which storage each persistent id of the pickle names. */
  readonly storageOf: ReadonlyMap<PyPersistent, Storage>;
  readonly globals: readonly GlobalUse[];
  readonly pickle?: PickleFacts;
  /** Of every pickle in the file, also of those that torch does not read. */
  readonly traces?: readonly RecordTrace[];
  /** Empty where the container is no archive. */
  readonly records: readonly ArchiveRecord[];
  /** Of `records`, all but those that are called `data/17`, stored, and have a CRC-32; undefined where nobody told them apart. */
  readonly unusualRecords?: readonly ArchiveRecord[];
  /** There where the container is an archive that torch's reader of zip archives opens. */
  readonly archive?: ArchiveFacts;
  /** What a budget left out of the listing, in words; empty for any honest file. */
  readonly omissions: readonly string[];
  /** What keeps the file from being whole although its pickle could be read: missing and short records. */
  readonly damage: readonly UnreadableError[];
  /** What the container says beside the checkpoint: `__metadata__` of safetensors, `metadata` of an index of shards. */
  readonly annotations?: PyDict;
  /** There where the checkpoint is spread over several files. */
  readonly sharding?: Sharding;
  /**
   * There where torch.load could not take `root` from a torch zip: the modules of TorchScript and torch.package as a state_dict,
   * the state_dict alone of an exported program. Its tensors are on storages of this checkpoint.
   */
  readonly loadable?: () => Promise<Loadable>;
  /**
   * A tensor by its name, `state_dict.conv1.weight`; its elements are read when they are asked for.
   * @throws RefusedError where no tensor has that name.
   */
  tensor(name: string): TensorHandle;
  close(): Promise<void>;
}
