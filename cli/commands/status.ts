import { type Service, select, serviceIn } from '../deployed/service.ts';
import { statusExitCode, statusText } from '../output/status-text.ts';
import type { Terminal } from '../terminal.ts';

export interface StatusOptions {
  readonly json?: boolean;
  readonly region?: string;
}

/** `plumbline status`: how the targets stand in the deployed service. */
export async function status(
  wanted: readonly string[],
  { json, region }: StatusOptions,
  terminal: Terminal,
  service: Service = serviceIn(region, terminal.signal),
): Promise<void> {
  const found = await select(wanted, service);
  terminal.out(json === true ? JSON.stringify(found, null, 2) : statusText(found, terminal.colours));
  terminal.exit(statusExitCode(found.targets));
}
