import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:https';
import { gunzipSync } from 'node:zlib';

interface Page {
  readonly items: readonly unknown[];
  readonly metadata: { readonly continue?: string };
}

/** The plain paged LISTs of some kinds and nothing else: asked, unpacked, parsed. No check can do with less. */
export async function plainLists(server: string, ca: string, paths: readonly string[]): Promise<number> {
  const agent = new Agent({ ca: readFileSync(ca), keepAlive: true, maxSockets: 6 });
  const ask = (path: string): Promise<Page> =>
    new Promise((resolve, reject) => {
      get(`${server}${path}`, { agent, headers: { 'Accept-Encoding': 'gzip' } }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve(JSON.parse(gunzipSync(Buffer.concat(chunks)).toString('utf8'))));
      }).on('error', reject);
    });
  const list = async (path: string): Promise<number> => {
    let count = 0;
    let next = '';
    do {
      const page = await ask(`${path}?limit=500${next === '' ? '' : `&continue=${next}`}`);
      count += page.items.length;
      next = page.metadata.continue ?? '';
    } while (next !== '');
    return count;
  };
  try {
    return (await Promise.all(paths.map(list))).reduce((sum, count) => sum + count, 0);
  } finally {
    agent.destroy();
  }
}
