import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { PyDict } from '../pickle/values.ts';
import { assembleCheckpoint } from './assemble.ts';
import { readSafetensorsHeader } from './safetensors-header.ts';
import { TensorGraph } from './tensor-graph.ts';

/**
 * Opens a safetensors file: the dict of tensors that `safetensors.torch.load_file` returns, each in a storage of its own.
 * Only the header is read.
 *
 * @throws UnreadableError where the header breaks a rule of the format. Data that is cut short is told as damage.
 */
export async function openSafetensors(source: ByteSource, path: string): Promise<Checkpoint> {
  const header = await readSafetensorsHeader(source);
  const graph = new TensorGraph();
  const root = new PyDict();
  for (const [index, { name, dtype, shape, begin, end }] of header.entries.entries()) {
    const bytes = end - begin;
    const isThere = end <= source.size;
    const storage = graph.storage({
      key: String(index),
      dtype,
      bytes,
      content: isThere ? { source, offset: begin, length: bytes } : undefined,
      fileOffset: isThere ? begin : null,
    });
    root.keys.push(name);
    root.values.push(graph.tensor(storage, { shape }));
  }
  for (const damage of header.damage) graph.addDamage(damage);
  const { metadata } = header;
  return assembleCheckpoint({
    path,
    source,
    container: { kind: 'safetensors', byteOrder: 'little' },
    root,
    table: graph.table(),
    ...(metadata.size > 0 && {
      annotations: new PyDict(['__metadata__'], [new PyDict([...metadata.keys()], [...metadata.values()])]),
    }),
  });
}
