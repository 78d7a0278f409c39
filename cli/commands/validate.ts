import type { Target } from '#drift/target.ts';
import { readConfig } from '../config-file.ts';
import { ruleCounts, rulesText } from '../output/rules-text.ts';
import { table } from '../output/table.ts';
import type { Terminal } from '../terminal.ts';

/** `plumbline validate`: mistakes are thrown by the reader; here is what a right config checks. */
export async function validate(file: string, terminal: Terminal): Promise<void> {
  const now = new Date();
  const config = await readConfig(file, terminal.cwd, now);
  const rows = config.targets.map((target) => [
    target.name,
    when(target),
    path(target),
    tool(target),
    place(target),
    ruleCounts(config.rules, target.name),
    target.source === undefined ? 'nobody: local only' : told(target, config.notify[target.severity]),
  ]);
  const { bold } = terminal.colours;
  const head = ['TARGET', 'WHEN', 'PATH', 'TOOL', 'AS', 'RULES', 'TELLS'];
  terminal.out(table([head, ...rows], (row, index) => (index === 0 ? bold(row) : row)));
  for (const { name, webhook } of config.sources) {
    terminal.out(
      `source ${name}: ${webhook === undefined ? 'no webhook, looked at by schedule' : 'pushes start checks'}`,
    );
  }
  for (const line of rulesText(config, now, terminal.colours)) terminal.out(line);
  terminal.out(
    `\n${file} is valid: ${rows.length} target${rows.length === 1 ? '' : 's'}, hash ${config.hash.slice(0, 12)}`,
  );
}

function when(target: Target): string {
  if (target.retired) return 'retired';
  if (!target.enabled) return 'paused';
  return `${target.schedule ?? 'by hand'}${target.observe ? ', observed' : ''}`;
}

function path(target: Target): string {
  if (target.layer === 'terraform') return target.terraform.path;
  return target.layer === 'nodes' ? target.nodes.playbook : target.kubernetes.manifests.join(', ');
}

function tool(target: Target): string {
  if (target.layer === 'kubernetes') return target.kubernetes.render;
  if (target.layer === 'nodes') return 'ansible';
  const { tool: name, version } = target.terraform;
  return `${name} ${version ?? '(on the PATH)'}`;
}

function place({ environment, layer }: Target): string {
  const { account, role, region } = environment;
  return account === undefined || role === undefined ? '-' : `${role}-${layer} in ${account} ${region}`;
}

function told(
  { severity }: Target,
  notify: { readonly pagerduty?: unknown; readonly email: readonly string[] } | undefined,
): string {
  const ways = [...(notify?.pagerduty === undefined ? [] : ['PagerDuty']), ...(notify?.email ?? [])];
  return `${severity}: ${ways.join(', ')}`;
}
