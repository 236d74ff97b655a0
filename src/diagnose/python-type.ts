import { callableName, type Value } from '../pickle/values.ts';

/** The name that Python has for the type of a value, as error messages give it: `int`, `numpy.ndarray`. */
export function pythonType(value: Value): string {
  if (value === null) return 'NoneType';
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'number':
    case 'bigint':
      return 'int';
    case 'string':
      return 'str';
  }
  switch (value.kind) {
    case 'text':
      return 'str';
    case 'bytes':
      return value.type === 'str2' ? 'bytes' : value.type;
    case 'global':
      return 'type';
    case 'set':
      return value.frozen ? 'frozenset' : 'set';
    case 'object': {
      const name = callableName(value) ?? 'object';
      return /^numpy\..*\._reconstruct$/.test(name) ? 'numpy.ndarray' : name;
    }
    default:
      return value.kind;
  }
}
