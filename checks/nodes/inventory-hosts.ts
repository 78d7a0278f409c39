import { join } from 'node:path';
import { readStream } from '#drift/nodes/stream.ts';
import { type ProcessRequest, runProcess } from '#services/process.ts';
import type { Scratch } from '../scratch.ts';
import { EventFile } from './event-file.ts';

/** It connects to nobody and does nothing: our plugin says who its hosts are. */
const NOTHING = JSON.stringify([{ hosts: 'all', gather_facts: false, tasks: [] }]);

/**
 * The hosts of the inventory, within the limit, as Ansible itself reads them. The machine that it runs on is one of them
 * only where the inventory says so.
 * @param request a call of ansible-playbook, whose last argument is the playbook
 * @returns null when Ansible does not say
 */
export async function inventoryHosts(request: ProcessRequest, scratch: Scratch): Promise<ReadonlySet<string> | null> {
  const playbook = await scratch.write('hosts.yml', NOTHING);
  const file = join(scratch.folder, 'hosts-events');
  const { end } = await runProcess({
    ...request,
    args: request.args.with(-1, playbook),
    env: { ...request.env, PLUMBLINE_EVENTS: file },
  });
  const { lines, problem } = readStream(await new EventFile(file).read());
  if (end.kind !== 'exited' || end.exitCode !== 0 || problem !== null) return null;
  const [hosts] = lines.flatMap((line) => (line.event === 'plan' ? line.hosts : []));
  return hosts == null ? null : new Set(hosts);
}
