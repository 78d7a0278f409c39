import { runProcess } from '../process.ts';
import { downloadRelease, type ReleaseSource } from './release.ts';
import { which } from './which.ts';

export type ToolName = 'terraform' | 'tofu';

/** The release that is fetched when the config names no version and none is on the PATH. */
export const PINNED: Readonly<Record<ToolName, string>> = { terraform: '1.11.4', tofu: '1.9.1' };

/** Older ones write plans that cannot be judged (facts/terraform.md §1). */
const OLDEST: Readonly<Record<ToolName, readonly [number, number]>> = { terraform: [1, 0], tofu: [1, 6] };
const VERSION_LIMIT_MS = 30_000;

/** The tool cannot be had; the message says what to do. */
export class ToolError extends Error {
  override readonly name = 'ToolError';
}

/** A tool that was found and asked for its version. */
export interface Tool {
  readonly name: ToolName;
  readonly file: string;
  readonly version: string;
}

export interface ToolRequest {
  readonly name: ToolName;
  /** Exact version; absent: what is on the PATH, else the pinned release. */
  readonly version?: string;
  /** Relative entries are passed over: the checked repository must not choose what we run. */
  readonly path: string;
  readonly cache: string;
  readonly releases?: ReleaseSource;
  readonly signal?: AbortSignal;
}

/** Finds the tool on the PATH, or fetches the release. @throws ToolError */
export async function findTool(request: ToolRequest): Promise<Tool> {
  const { name, version } = request;
  if (version !== undefined) checkAge(name, version);
  const onPath = await which(name, request.path);
  if (onPath !== null) {
    const found = await versionOf(onPath, request);
    if (version === undefined || found === version) return checked({ name, file: onPath, version: found });
  }
  const file = await downloadRelease({ ...request, version: version ?? PINNED[name] });
  const fetched = await versionOf(file, request);
  if (fetched !== (version ?? PINNED[name])) {
    throw new ToolError(`${file} says it is ${name} ${fetched}: remove the folder it lies in and try again`);
  }
  return { name, file, version: fetched };
}

async function versionOf(file: string, { name, path, signal }: ToolRequest): Promise<string> {
  const { end, stdout, stderr } = await runProcess({
    file,
    args: ['version', '-json'],
    cwd: '/',
    env: { PATH: path, HOME: '/nonexistent', CHECKPOINT_DISABLE: '1' },
    timeoutMs: VERSION_LIMIT_MS,
    ...(signal === undefined ? {} : { signal }),
  });
  if (end.kind === 'exited' && end.exitCode === 0) {
    const version = /"terraform_version":\s*"([0-9A-Za-z.+-]{1,64})"/.exec(stdout.toString('utf8'))?.[1];
    if (version !== undefined) return version;
  }
  const said = stderr.trim().split('\n')[0]?.slice(0, 200) ?? '';
  const how = end.kind === 'exited' ? `exit code ${end.exitCode}` : end.kind;
  throw new ToolError(`${file} does not tell its version (${how}${said === '' ? '' : `: ${said}`}): is it ${name}?`);
}

function checked(tool: Tool): Tool {
  checkAge(tool.name, tool.version);
  return tool;
}

function checkAge(name: ToolName, version: string): void {
  const [major, minor] = OLDEST[name];
  const parts = /^(\d+)\.(\d+)\.\d+/.exec(version);
  if (parts === null) throw new ToolError(`"${version}" is no version of ${name}; write one like ${PINNED[name]}`);
  const old = Number(parts[1]) < major || (Number(parts[1]) === major && Number(parts[2]) < minor);
  if (old) throw new ToolError(`${name} ${version} is too old: ${major}.${minor} or newer is needed`);
}
