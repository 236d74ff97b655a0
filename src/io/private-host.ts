/** IPv4 of this machine, of local networks, and of the links between: RFC 1122, 1918, 3927, 6598. */
const PRIVATE_IPV4 =
  /^(0|10|127)\.|^169\.254\.|^192\.168\.|^172\.(1[6-9]|2\d|3[01])\.|^100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./;

/**
 * True for hosts that only this machine or its own network reaches: where a server of the web redirects there, it makes us ask what it
 * can't ask itself. Names are judged as they stand, none is looked up.
 */
export function isPrivateHost(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/^\[|\]$/g, '');
  if (host === 'localhost' || /\.(localhost|local|internal)$/.test(host)) return true;
  if (PRIVATE_IPV4.test(host) && /^[\d.]+$/.test(host)) return true;
  if (!host.includes(':')) return false;
  // of IPv4 addresses in IPv6, URL writes the last 32 bits in hexadecimal
  return host === '::' || host === '::1' || /^(f[cd]|fe[89ab]|::ffff:)/.test(host);
}
