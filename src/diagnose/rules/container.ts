import type { Rule } from '../define-rule.ts';
import mmap from './compat/mmap.ts';
import archive from './content/archive.ts';
import empty from './content/empty.ts';
import gzip from './content/gzip.ts';
import html from './content/html.ts';
import json from './content/json.ts';
import lfsPointer from './content/lfs-pointer.ts';
import otherFormat from './content/other-format.ts';
import safetensors from './content/safetensors.ts';
import text from './content/text.ts';
import zeroFilled from './content/zero-filled.ts';
import format from './legacy/format.ts';
import storageSizeMismatch from './legacy/storage-size-mismatch.ts';
import tar from './legacy/tar.ts';
import legacyTruncated from './legacy/truncated.ts';
import exhausted from './limit/exhausted.ts';
import unsearched from './limit/unsearched.ts';
import pickleDamaged from './pickle/damaged.ts';
import byteorder from './zip/byteorder.ts';
import compressedRecord from './zip/compressed-record.ts';
import crcAbsent from './zip/crc-absent.ts';
import crcMismatch from './zip/crc-mismatch.ts';
import damaged from './zip/damaged.ts';
import duplicateRecord from './zip/duplicate-record.ts';
import encrypted from './zip/encrypted.ts';
import foreignEntries from './zip/foreign-entries.ts';
import headerMismatch from './zip/header-mismatch.ts';
import missingRecord from './zip/missing-record.ts';
import noTopFolder from './zip/no-top-folder.ts';
import overlap from './zip/overlap.ts';
import recordName from './zip/record-name.ts';
import recordSize from './zip/record-size.ts';
import specialEntry from './zip/special-entry.ts';
import truncated from './zip/truncated.ts';
import unclaimedBytes from './zip/unclaimed-bytes.ts';
import version from './zip/version.ts';
import zip32Sizes from './zip/zip32-sizes.ts';

/** The rules about what holds the checkpoint: what keeps a file from being one, damage, and how the bytes lie. */
export const CONTAINER_RULES: readonly Rule[] = [
  empty,
  zeroFilled,
  lfsPointer,
  html,
  json,
  text,
  otherFormat,
  gzip,
  archive,
  safetensors,
  truncated,
  damaged,
  encrypted,
  exhausted,
  pickleDamaged,
  missingRecord,
  recordSize,
  zip32Sizes,
  crcMismatch,
  legacyTruncated,
  storageSizeMismatch,
  tar,
  noTopFolder,
  foreignEntries,
  version,
  headerMismatch,
  overlap,
  duplicateRecord,
  unclaimedBytes,
  recordName,
  specialEntry,
  unsearched,
  compressedRecord,
  byteorder,
  mmap,
  crcAbsent,
  format,
];
