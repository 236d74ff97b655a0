import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

// Serves a file by ranges from a process of its own, which can be killed. Its port is the first line of the output, and each request is
// another one.

const bytes = readFileSync(process.argv[2]);
/** Sent at once; an answer takes a while, as on a network, and can be cut anywhere. */
const PIECE = 64 * 1024;

const server = createServer(async (request, response) => {
  process.stdout.write('request\n');
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  const end = Math.min(Number(last) + 1, bytes.length);
  response.writeHead(206, { etag: '"1"', 'content-range': `bytes ${first}-${end - 1}/${bytes.length}` });
  for (let at = Number(first); at < end; at += PIECE) {
    response.write(bytes.subarray(at, Math.min(at + PIECE, end)));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  response.end();
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
