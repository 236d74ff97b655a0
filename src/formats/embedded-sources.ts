import { PyDict, PyGlobal, type PyTuple, type Value } from '../pickle/values.ts';

/** The source text of a class, as torch before 1.6 saved it along with a whole module, to warn when the class changes. */
export interface EmbeddedSource {
  readonly className: string;
  readonly file: string;
  readonly text: Value;
}

/**
 * Reads `(class, file, source text)`, the persistent id that torch gave to classes of whole modules. Its loader puts the class there.
 * @param sources The source goes there, once a class; some ids have none.
 */
export function classOfId(id: PyTuple, sources: EmbeddedSource[]): Value {
  const [container = null, file, text] = id.items;
  if (container instanceof PyGlobal && typeof file === 'string' && text !== undefined && text !== null) {
    const className = container.qualifiedName;
    if (!sources.some((source) => source.className === className)) sources.push({ className, file, text });
  }
  return container;
}

/** The sources as what the file says beside the checkpoint. */
export function sourceAnnotations(sources: readonly EmbeddedSource[]): { annotations?: PyDict } {
  if (sources.length === 0) return {};
  const classes = new PyDict(
    sources.map(({ className }) => className),
    sources.map(({ file, text }) => new PyDict(['file', 'source'], [file, text])),
  );
  return { annotations: new PyDict(['embedded_sources'], [classes]) };
}
