import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { encodePickle } from '../../src/pickle/encoder.ts';
import { PyGlobal, PyPersistent, PyTuple } from '../../src/pickle/values.ts';
import { layoutArchive } from '../../src/zip/layout.ts';
import { writeArchive } from '../../src/zip/writer.ts';
import { call, orderedDict } from '../support/checkpoint-builder.ts';
import { run } from './run.ts';

const FOLDER = 'fixtures/containers/bert';
const TOKEN = 'hf_a-word-that-nobody-must-see';

let server: Server | undefined;
afterEach(() => {
  vi.unstubAllEnvs();
  server?.closeAllConnections();
  server?.close();
});

type Files = (name: string) => { readonly size: number; read(from: number, to: number): Buffer } | undefined;

const kept = (bytes: Buffer) => ({
  size: bytes.length,
  read: (from: number, to: number) => bytes.subarray(from, to),
});

/** Serves files by ranges to who has the token; `sent` counts the bytes. */
async function serve(files: Files): Promise<{ base: string; sent(): number; asked: string[] }> {
  let sent = 0;
  const asked: string[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const name = decodeURIComponent(new URL(request.url ?? '', 'http://x').pathname.slice(1));
    asked.push(name);
    const file = files(name);
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return void response.writeHead(401).end();
    if (!file) return void response.writeHead(404).end();
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const end = Math.min(Number(last) + 1, file.size);
    const part = file.read(Number(first), end);
    sent += part.length;
    response.writeHead(206, { etag: '"1"', 'content-range': `bytes ${first}-${end - 1}/${file.size}` });
    response.end(part);
  };
  server = createServer(answer);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { base: `http://127.0.0.1:${port}`, sent: () => sent, asked };
}

const folder =
  (without?: string): Files =>
  (name) =>
    name === without ? undefined : kept(readFileSync(`${FOLDER}/${name}`));
const HEADER = ['--header', `Authorization: Bearer ${TOKEN}`];

/** A tensor of float32 on a storage of its own. */
function vector(key: string, length: number) {
  const id = new PyTuple(['storage', new PyGlobal('torch', 'FloatStorage'), key, 'cpu', length]);
  const [size, stride] = [new PyTuple([length]), new PyTuple([1])];
  return call(
    'torch._utils._rebuild_tensor_v2',
    new PyPersistent(id),
    0,
    size,
    stride,
    false,
    orderedDict({}),
  );
}

/** An archive of a quarter of a gigabyte, of which nothing but the headers, the pickle and the directory is kept. */
async function sparseArchive(): Promise<ReturnType<typeof kept>> {
  const storages = 64;
  const bytes = 4 * 2 ** 20;
  const pickle = encodePickle(
    orderedDict(
      Object.fromEntries(
        Array.from({ length: storages }, (_, i) => [`layers.${i}.weight`, vector(String(i), bytes / 4)]),
      ),
    ),
  );
  const zeros = {
    size: storages * bytes,
    read: async (_offset: number, length: number) => new Uint8Array(length),
  };
  const layout = layoutArchive('model', [
    { name: 'data.pkl', content: pickle.content, size: pickle.length },
    ...Array.from({ length: storages }, (_, i) => ({
      name: `data/${i}`,
      content: [{ source: zeros, offset: i * bytes, length: bytes }],
      size: bytes,
    })),
    { name: 'version', content: [Buffer.from('3\n')], size: 2 },
  ]);
  const written: { offset: number; bytes: Buffer }[] = [];
  const nothing = Buffer.alloc(4 * 2 ** 20);
  await writeArchive(layout, {
    async write(offset, chunk) {
      if (nothing.compare(chunk, 0, chunk.length, 0, chunk.length) !== 0)
        written.push({ offset, bytes: Buffer.from(chunk) });
    },
  });
  return {
    size: layout.size,
    read(from, to) {
      const part = Buffer.alloc(to - from);
      for (const { offset, bytes: held } of written) {
        const start = Math.max(from, offset);
        const end = Math.min(to, offset + held.length);
        if (start < end) held.copy(part, start - from, start - offset, end - offset);
      }
      return part;
    },
  };
}

describe('a remote checkpoint', () => {
  it('of several files is opened by its index, as it is on a disk', async () => {
    const { base } = await serve(folder());
    const remote = await run([
      'inspect',
      ...HEADER,
      '--format',
      'json',
      `${base}/model.safetensors.index.json`,
    ]);
    const local = await run(['inspect', '--format', 'json', `${FOLDER}/model.safetensors.index.json`]);
    expect(remote).toMatchObject({ code: 0, stderr: '' });
    const [there, here] = [JSON.parse(remote.stdout), JSON.parse(local.stdout)];
    expect(there.totals.tensors).toBeGreaterThan(10);
    expect(there).toEqual({ ...here, file: { ...here.file, path: there.file.path } });
  });

  it('of which a shard is missing says so', async () => {
    const { base } = await serve(folder('model-00002-of-00002.safetensors'));
    const { code, stdout } = await run([
      'check',
      ...HEADER,
      '--format',
      'json',
      `${base}/model.safetensors.index.json`,
    ]);
    expect(code).toBe(2);
    const [file] = JSON.parse(stdout).files;
    expect(file.findings).toContainEqual(
      expect.objectContaining({
        rule: 'sharding/missing-file',
        subjects: ['model-00002-of-00002.safetensors'],
      }),
    );
  });

  it('names no file of another folder', async () => {
    const index = JSON.stringify({ metadata: {}, weight_map: { w: '../../other/secret.bin' } });
    const { base, asked } = await serve((name) =>
      name === 'a/b/x.index.json' ? kept(Buffer.from(index)) : undefined,
    );
    const { code, stderr } = await run(['inspect', ...HEADER, `${base}/a/b/x.index.json`]);
    expect(code).toBe(2);
    expect(stderr).toContain("is no file of the checkpoint's own folder");
    expect(new Set(asked)).toEqual(new Set(['a/b/x.index.json']));
  });

  it('costs its directory and its pickle, however large it is', async () => {
    const archive = await sparseArchive();
    const { base, sent } = await serve(() => archive);
    const { code, stdout } = await run(['inspect', ...HEADER, '--format', 'json', `${base}/model.pth`]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ totals: { tensors: 64, tensorBytes: 2 ** 28 } });
    expect(archive.size).toBeGreaterThan(2 ** 28);
    expect(sent()).toBeLessThan(300_000);
  });

  it.each(['text', 'json', 'sarif', 'markdown'])(
    'never shows a token, also where it is refused, as %s',
    async (format) => {
      const { base } = await serve((name) => (name === 'missing.pth' ? undefined : folder()(name)));
      const address = base.replace('//', '//user:a-word-that-nobody-must-see@');
      for (const path of [
        `${base}/model.safetensors.index.json?token=${TOKEN}`,
        `${base}/missing.pth?token=${TOKEN}`,
      ])
        for (const headers of [HEADER, ['--header', `Authorization: Bearer wrong-${TOKEN}`]]) {
          const { stdout, stderr } = await run(['inspect', '--format', format, '--debug', ...headers, path]);
          expect(`${stdout}${stderr}`).not.toContain('nobody');
        }
      const inAddress = await run(['inspect', '--format', format, '--debug', `${address}/x.pth`]);
      expect(inAddress.code).toBe(2);
      expect(`${inAddress.stdout}${inAddress.stderr}`).not.toContain('nobody');
    },
  );

  it.each([
    ['goes away in the middle of an answer', [], (response: ServerResponse) => response.destroy()],
    ['stops in the middle of an answer', ['--timeout', '1'], () => undefined],
  ] as const)('of a server that %s is given up with one line', async (_how, flags, give) => {
    const bytes = readFileSync('fixtures/clean/state_dict.pth');
    for (const good of [0, 1, 2]) {
      let answers = 0;
      server?.closeAllConnections();
      server = createServer((request, response) => {
        const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
        const part = bytes.subarray(Number(first), Math.min(Number(last) + 1, bytes.length));
        const end = Number(first) + part.length - 1;
        response.writeHead(206, { etag: '"1"', 'content-range': `bytes ${first}-${end}/${bytes.length}` });
        if (answers++ < good) response.end(part);
        else response.write(part.subarray(0, part.length >> 1), () => give(response));
      });
      await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const { code, stdout, stderr } = await run([
        'inspect',
        '--verify-crc',
        ...flags,
        `http://127.0.0.1:${port}/model.pth`,
      ]);
      // a small file may come whole in the answers that were good
      if (answers <= good) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      else {
        expect(stderr).toMatch(/^ckpt-doctor: [^\n]*\n$/);
        expect(code).toBe(2);
        expect(stdout).not.toContain('parameters');
      }
    }
  });

  it('is not asked for while the network is turned off', async () => {
    const { base, asked } = await serve(folder());
    vi.stubEnv('CKPT_DOCTOR_OFFLINE', '1');
    for (const command of ['inspect', 'check']) {
      const { code, stderr } = await run([command, ...HEADER, `${base}/model.safetensors.index.json`]);
      expect(code).toBe(2);
      expect(stderr).toContain('CKPT_DOCTOR_OFFLINE');
    }
    expect(asked).toEqual([]);
  });
});
