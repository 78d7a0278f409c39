import { personEnvironment } from '#checks/nodes/person.ts';
import type { Target } from '#drift/target.ts';
import { runProcess } from '#services/process.ts';
import { RenderError } from '#services/render/error.ts';
import { findRenderer, type RendererName } from '#services/render/tools.ts';
import { askAnsible } from '#services/tools/ansible.ts';
import { findTool, ToolError } from '#services/tools/tool.ts';
import { toolCache } from '../local/run.ts';
import type { Terminal } from '../terminal.ts';
import { type Diagnosis, ill, well } from './diagnosis.ts';

/** The names under which a renderer of manifests is found. */
const RENDERERS: Readonly<Record<string, readonly RendererName[]>> = {
  kustomize: ['kustomize', 'kubectl'],
  helm: ['helm'],
};

export interface Finders {
  /** @throws ToolError */
  readonly tool: typeof findTool;
  /** @throws RenderError */
  readonly renderer: typeof findRenderer;
  /** @throws ToolError */
  readonly ansible: typeof askAnsible;
}

/** Whether this machine has the tools that checks of these targets need. */
export async function examineMachine(
  targets: readonly Target[],
  terminal: Terminal,
  find: Finders = { tool: findTool, renderer: findRenderer, ansible: askAnsible },
): Promise<readonly Diagnosis[]> {
  const tools = new Map(
    targets.flatMap((target) => {
      if (target.layer !== 'terraform') return [];
      const { tool, version } = target.terraform;
      return [
        [`${tool} ${version ?? ''}`.trim(), { name: tool, ...(version === undefined ? {} : { version }) }] as const,
      ];
    }),
  );
  const renderers = new Set(
    targets.flatMap((target) => (target.layer === 'kubernetes' ? target.kubernetes.render : [])),
  );
  // The nodes that the service asks have an Ansible of their own.
  const hasHosts = targets.some((target) => target.layer === 'nodes' && target.nodes.inventory !== undefined);
  return [
    await git(terminal),
    ...(await Promise.all([...tools].map(([about, wanted]) => tool(about, wanted, terminal, find)))),
    ...(await Promise.all(
      [...renderers].filter((name) => name in RENDERERS).map((name) => renderer(name, terminal, find)),
    )),
    ...(hasHosts ? [await ansible(terminal, find)] : []),
  ];
}

async function git({ env, cwd }: Terminal): Promise<Diagnosis> {
  const { end, stdout } = await runProcess({
    ...{ file: 'git', args: ['--version'], cwd, timeoutMs: 10_000 },
    env: { PATH: env['PATH'] ?? '' },
  });
  if (end.kind === 'exited' && end.exitCode === 0) return well('git', stdout.toString('utf8').trim());
  return ill('git', 'is not on the PATH: install it, so that reports can name the commit');
}

async function tool(
  about: string,
  wanted: { readonly name: 'terraform' | 'tofu'; readonly version?: string },
  terminal: Terminal,
  find: Finders,
): Promise<Diagnosis> {
  try {
    const found = await find.tool({
      ...wanted,
      path: terminal.env['PATH'] ?? '',
      cache: toolCache(terminal),
      signal: terminal.signal,
    });
    return well(about, `${found.version} at ${found.file}`);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return ill(about, error.message);
  }
}

async function ansible({ env, signal }: Terminal, find: Finders): Promise<Diagnosis> {
  try {
    const { version, file } = await find.ansible(personEnvironment(env), signal);
    return well('ansible', `${version} at ${file}`);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return ill('ansible', error.message);
  }
}

async function renderer(name: string, terminal: Terminal, find: Finders): Promise<Diagnosis> {
  try {
    const tools = { path: terminal.env['PATH'] ?? '', cache: toolCache(terminal) };
    return well(name, `at ${await find.renderer(RENDERERS[name] ?? [], tools)}`);
  } catch (error) {
    if (!(error instanceof RenderError)) throw error;
    return ill(name, error.message);
  }
}
