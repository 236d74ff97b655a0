/** Signatures of the zip structures, as little-endian 32-bit numbers. */
export const LOCAL_HEADER = 0x04034b50;
export const DESCRIPTOR = 0x08074b50;
export const DIRECTORY_ENTRY = 0x02014b50;
export const ZIP64_END = 0x06064b50;
export const ZIP64_LOCATOR = 0x07064b50;
export const END = 0x06054b50;

/** Bytes of each structure without its variable parts. */
export const LOCAL_HEADER_BYTES = 30;
export const DESCRIPTOR_BYTES = 16;
export const ZIP64_DESCRIPTOR_BYTES = 24;
export const DIRECTORY_ENTRY_BYTES = 46;
export const ZIP64_END_BYTES = 56;
export const ZIP64_LOCATOR_BYTES = 20;
export const END_BYTES = 22;

/** In a 32-bit or 16-bit field: the value stands in the zip64 structure. */
export const SENTINEL_32 = 0xffffffff;
export const SENTINEL_16 = 0xffff;

/** Id of the extra field that holds 64-bit sizes and offsets. */
export const ZIP64_EXTRA = 0x0001;
/** Id of the extra field of Info-ZIP that holds the name in UTF-8. Some readers go by it, torch and Python do not. */
export const UNICODE_NAME_EXTRA = 0x7075;

/** Flag bits: encrypted, sizes follow the data, strong encryption, UTF-8 name, encrypted directory. */
export const FLAG_ENCRYPTED = 0x0001;
export const FLAG_DESCRIPTOR = 0x0008;
export const FLAG_STRONG_ENCRYPTION = 0x0040;
export const FLAG_UTF8 = 0x0800;
export const FLAG_MASKED_DIRECTORY = 0x2000;

export const METHOD_STORED = 0;
export const METHOD_DEFLATED = 8;
