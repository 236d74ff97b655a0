import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openSource } from '../../src/formats/open.ts';
import { printableAddress, siblingAddress } from '../../src/io/address.ts';
import { withDeadline } from '../../src/io/deadline.ts';
import { openRemote } from '../../src/io/http-source.ts';

const model = readFileSync(new URL('../../fixtures/broken/ddp_cuda.pth', import.meta.url));
/** A file whose end is far from its start, so that ranges are needed. */
const long = Buffer.concat([Buffer.alloc(200_000, 7), model]);

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(answer: Answer): Promise<string> {
  server = createServer(answer);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function ranges(bytes: Buffer, headers: Record<string, string> = { etag: '"1"' }): Answer {
  return (request, response) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const end = Math.min(Number(last), bytes.length - 1);
    const part = bytes.subarray(Number(first), end + 1);
    response
      .writeHead(206, { ...headers, 'content-range': `bytes ${first}-${end}/${bytes.length}` })
      .end(part);
  };
}

const env = {};

describe('a server with ranges', () => {
  it('gives a checkpoint for what its directory and pickle cost', async () => {
    const requests: string[] = [];
    const answer = ranges(model);
    const base = await serve((request, response) => {
      requests.push(request.headers.range ?? '');
      answer(request, response);
    });
    const checkpoint = await openSource(await openRemote(`${base}/model.pth`, { env }));
    expect(checkpoint.tensors).toHaveLength(22);
    expect(requests.length).toBeLessThanOrEqual(4);
  });

  it('gives any range exactly', async () => {
    const source = await openRemote(await serve(ranges(long)), { env });
    expect(source.size).toBe(long.length);
    for (const [offset, length] of [
      [0, 10],
      [65_530, 20],
      [200_000, 14_000],
      [long.length - 1, 1],
      [5, 0],
    ] as const) {
      expect(Buffer.from(await source.read(offset, length))).toEqual(long.subarray(offset, offset + length));
    }
    await expect(source.read(long.length, 1)).rejects.toThrow('passes the end');
  });

  it('sends the headers that were asked for, and keeps them from the host that it is sent on to', async () => {
    const seen: (string | undefined)[] = [];
    const answer = ranges(model);
    const base = await serve((request, response) => {
      seen.push(request.headers.authorization);
      if (request.url === '/start') {
        const other = (request.headers.host ?? '').replace('127.0.0.1', 'localhost');
        response.writeHead(302, { location: `http://${other}/end` }).end();
      } else answer(request, response);
    });
    await openRemote(`${base}/start`, { env, headers: { authorization: 'Bearer secret' } });
    expect(seen).toEqual(['Bearer secret', undefined]);
  });
});

describe('a server that does not do as asked', () => {
  const refusals: readonly [string, Answer, string][] = [
    ['404', (_request, response) => response.writeHead(404).end(), 'no such file (HTTP 404)'],
    ['403', (_request, response) => response.writeHead(403).end(), 'refuses the file (HTTP 403)'],
    ['500', (_request, response) => response.writeHead(500).end(), 'says HTTP 500'],
    [
      'a circle of redirects',
      (_request, response) => response.writeHead(302, { location: '/' }).end(),
      'redirects more than',
    ],
    [
      'a redirect to a file',
      (_request, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      'redirects to file:',
    ],
    [
      'a wrong range',
      (_request, response) => response.writeHead(206, { 'content-range': 'bytes 5-9/100' }).end('hello'),
      "gave the range 'bytes 5-9/100'",
    ],
    ['no range', (_request, response) => response.writeHead(206).end('hello'), "gave the range ''"],
    [
      'too much',
      (_request, response) =>
        response.writeHead(206, { 'content-range': 'bytes 0-3/100' }).end('hello world'),
      'sent more than the 4 bytes',
    ],
    [
      'an endless body of the size that was announced',
      (_request, response) => {
        response.writeHead(206, { 'content-range': 'bytes 0-999999999999/1000000000000' });
        response.write(Buffer.alloc(1024));
      },
      'gave 1000000000000 bytes from 0',
    ],
    [
      'an endless body',
      (_request, response) => {
        response.writeHead(206, { 'content-range': 'bytes 0-63/100' });
        const more = (): void => {
          if (!response.destroyed) response.write(Buffer.alloc(1024), more);
        };
        more();
      },
      'sent more than the 64 bytes',
    ],
    [
      'a size that no file has',
      (_request, response) =>
        response.writeHead(206, { 'content-range': 'bytes 0-4/99999999999999999999' }).end('hello'),
      'gave the range',
    ],
    [
      'too little',
      (_request, response) => response.writeHead(206, { 'content-range': 'bytes 0-63/100' }).end('hello'),
      'ended after 5 of 64 bytes',
    ],
    [
      'a compressed body',
      (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(),
      'compressed (gzip)',
    ],
    [
      'a large file without ranges',
      (_request, response) => response.writeHead(200, { 'content-length': String(2 ** 30) }).end('x'),
      'does not answer ranges',
    ],
  ];
  it.each(refusals)('%s', async (_name, answer, message) => {
    const base = await serve(answer);
    await expect(openRemote(base, { env })).rejects.toThrow(message);
  });

  it('a small file without ranges is fetched whole', async () => {
    const base = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': String(model.length) }).end(model);
    });
    const checkpoint = await openSource(await openRemote(base, { env }));
    expect(checkpoint.tensors).toHaveLength(22);
  });

  it('a file that changes between two reads', async () => {
    let version = 0;
    const base = await serve((request, response) =>
      ranges(long, { etag: `"${version++}"` })(request, response),
    );
    const source = await openRemote(base, { env });
    await expect(source.read(150_000, 10)).rejects.toThrow('is another one now');
  });

  it('nobody there', async () => {
    const base = await serve(() => {});
    server?.close();
    server?.closeAllConnections();
    await expect(openRemote(base, { env })).rejects.toThrow("can't be reached");
  });
});

describe('a redirect into the network of whoever asks', () => {
  const redirecting = (location: string) =>
    vi
      .spyOn(globalThis, 'fetch')
      .mockResolvedValue(new Response(null, { status: 302, headers: { location } }));
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each([
    'http://localhost/x',
    'http://127.0.0.1:8080/x',
    'http://10.1.2.3/x',
    'http://172.20.0.1/x',
    'http://192.168.1.1/x',
    'http://169.254.169.254/latest/meta-data',
    'http://[::1]/x',
    'http://[fd00::1]/x',
    'http://[::ffff:7f00:1]/x',
    'http://2130706433/x',
    'http://metadata.internal/x',
  ])('%s is not followed', async (location) => {
    const asked = redirecting(location);
    await expect(openRemote('http://models.example.org/x', { env })).rejects.toThrow(
      /inside your own network/,
    );
    expect(asked).toHaveBeenCalledTimes(1);
  });

  it.each(['http://172.32.0.1/x', 'http://100.128.0.1/x', 'http://10.example.org/x'])(
    '%s is another place of the web',
    async (location) => {
      redirecting(location);
      await expect(openRemote('http://models.example.org/x', { env })).rejects.toThrow(/redirects more than/);
    },
  );
});

describe('a server that answers too late', () => {
  it('is given up when the time of the file is over', async () => {
    let gone = false;
    const base = await serve((request) => {
      request.on('close', () => {
        gone = true;
      });
    });
    await expect(withDeadline(0.2, () => openRemote(base, { env }))).rejects.toThrow(/--timeout/);
    await vi.waitFor(() => expect(gone).toBe(true));
  });
});

describe('an address', () => {
  it('is never asked while the network is turned off', async () => {
    await expect(
      openRemote('https://example.invalid/x', { env: { CKPT_DOCTOR_OFFLINE: '1' } }),
    ).rejects.toThrow('CKPT_DOCTOR_OFFLINE');
  });

  it('is printed without what may be a token', () => {
    expect(printableAddress('https://me:word@host.invalid/a/b.pth?token=1#x')).toBe(
      'https://host.invalid/a/b.pth',
    );
  });

  it('leads to other files of its folder, and to no others', () => {
    const index = 'https://host.invalid/a/b/model.index.json?token=1';
    expect(siblingAddress(index, 'part 1.bin')).toBe('https://host.invalid/a/b/part%201.bin?token=1');
    expect(siblingAddress('hf://org/name@v1/sub/index.json', 'part.bin')).toBe(
      'hf://org/name@v1/sub/part.bin',
    );
    expect(siblingAddress(index, '?x#y')).toBe('https://host.invalid/a/b/%3Fx%23y?token=1');
    for (const name of ['', '.', '..', '../c.bin', '/etc/passwd', 'a\\b', 'https://other.invalid/x'])
      expect(siblingAddress(index, name)).toBeUndefined();
  });

  it('of the hub has an organisation, a name and a file', async () => {
    await expect(openRemote('hf://only', { env })).rejects.toThrow('hf://org/name/file');
  });
});
