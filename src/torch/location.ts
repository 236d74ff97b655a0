import { RefusedError } from '../io/errors.ts';

/** What a storage's location tag becomes. */
export type LocationMap = (location: string) => string;

const DEVICE = /^[A-Za-z_][A-Za-z0-9_]*(:\d+)?$/;

/**
 * Reads what `--map-location` takes, the string and dict forms of torch.load's `map_location`: one device for all (`cpu`), or
 * pairs (`cuda:0=cpu,cuda:1=cuda:0`) that leave every other tag as it is.
 *
 * @throws RefusedError for what torch would not restore either.
 */
export function parseLocationMap(spec: string): LocationMap {
  if (!spec.includes('=')) {
    const target = checkTarget(spec.trim());
    return () => target;
  }
  const pairs = new Map<string, string>();
  for (const pair of spec.split(',')) {
    const split = pair.lastIndexOf('=');
    if (split <= 0) {
      throw new RefusedError(`--map-location '${spec}': '${pair}' is no pair like cuda:0=cpu`);
    }
    const from = pair.slice(0, split).trim();
    if (pairs.has(from)) throw new RefusedError(`--map-location '${spec}': '${from}' stands there twice`);
    pairs.set(from, checkTarget(pair.slice(split + 1).trim()));
  }
  return (location) => pairs.get(location) ?? location;
}

function checkTarget(device: string): string {
  if (/^cpu(:|$)/i.test(device) && device !== 'cpu') {
    throw new RefusedError(
      `--map-location: torch restores only the exact tag 'cpu', not '${device}'; use cpu`,
    );
  }
  if (device === 'meta') {
    throw new RefusedError(
      "--map-location: on 'meta' the data would be lost when the file is loaded; use cpu",
    );
  }
  if (!DEVICE.test(device)) {
    throw new RefusedError(`--map-location: '${device}' is no device; use cpu, cuda:0, mps …`);
  }
  return device;
}
