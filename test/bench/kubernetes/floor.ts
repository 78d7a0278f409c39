import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:https';
import { gunzipSync } from 'node:zlib';

/**
 * `node floor.cjs SERVER CA PATH…`: the plain paged LISTs of some kinds and nothing else: asked, unpacked, parsed. No check
 * can do with less.
 */
const [, , server = '', ca = '', ...paths] = process.argv;
const agent = new Agent({ ca: readFileSync(ca), keepAlive: true, maxSockets: 6 });

function ask(
  path: string,
): Promise<{ readonly items: readonly unknown[]; readonly metadata: { readonly continue?: string } }> {
  return new Promise((resolve, reject) => {
    get(`${server}${path}`, { agent, headers: { 'Accept-Encoding': 'gzip' } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(JSON.parse(gunzipSync(Buffer.concat(chunks)).toString('utf8'))));
    }).on('error', reject);
  });
}

async function list(path: string): Promise<number> {
  let count = 0;
  let next = '';
  do {
    const page = await ask(`${path}?limit=500${next === '' ? '' : `&continue=${next}`}`);
    count += page.items.length;
    next = page.metadata.continue ?? '';
  } while (next !== '');
  return count;
}

Promise.all(paths.map(list)).then((counts) => {
  agent.destroy();
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const objects = counts.reduce((sum, count) => sum + count, 0);
  console.log(JSON.stringify({ objects, cpu: (userCPUTime + systemCPUTime) / 1e6, megabytes: maxRSS / 1024 }));
});
