import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { type Answer, SimulatedAccount } from './account.ts';

/**
 * `node server.ts NODES TASKS RUN_MS`: an account whose nodes are simulated, over HTTP. Prints its address when it is
 * ready; `GET /calls` tells how often each operation was asked for since the last time, `GET /last-end` when the last
 * node ended.
 */
const [nodes = 0, tasks = 0, runMs = 0] = process.argv.slice(2).map(Number);
const account = new SimulatedAccount({ nodes, tasks, runMs, driftedEvery: 10 });
/** How long AWS takes to answer, roughly. */
const LATENCY_MS = 20;

function answer(path: string, target: string | undefined, body: string): Answer {
  if (target !== undefined) return account.ssm(target.split('.')[1] ?? '', JSON.parse(body));
  if (body.includes('Action=')) return account.ec2(new URLSearchParams(body));
  return account.s3(path);
}

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  if (pathname === '/calls') return response.end(JSON.stringify(account.calls()));
  if (pathname === '/last-end') return response.end(String(account.lastEnd()));
  let text = '';
  for await (const chunk of request) text += chunk;
  await sleep(LATENCY_MS);
  let found: Answer;
  try {
    const target = request.headers['x-amz-target'];
    found = answer(pathname, typeof target === 'string' ? target : undefined, text);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const refusal = { __type: 'ValidationException', message: error.message };
    found = { status: 400, type: 'application/x-amz-json-1.1', body: JSON.stringify(refusal) };
  }
  const { status, type, body } = found;
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), etag: '"1"' });
  return response.end(body);
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
