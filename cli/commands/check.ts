import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { checkTerraform } from '#checks/terraform/check.ts';
import { toolEnvironment } from '#checks/terraform/environment.ts';
import { renderReport } from '#drift/page/report-page.ts';
import type { Report } from '#drift/report.ts';
import { applyRules } from '#drift/rules/apply.ts';
import { newRunId, type Run } from '#drift/run.ts';
import { unknownReport } from '#drift/state/conclude.ts';
import type { Config, Target } from '#drift/target.ts';
import { S3State } from '#services/aws/s3-state.ts';
import { AwsSecrets } from '#services/aws/secrets.ts';
import type { Secrets } from '#services/ports.ts';
import { readConfig } from '../config-file.ts';
import { withProgress } from '../output/progress.ts';
import { exitCodeOf, reportText, summaryText } from '../output/report-text.ts';
import { selectTargets } from '../select.ts';
import { type Terminal, UsageError } from '../terminal.ts';
import { WorkingFolders } from '../working-folder.ts';

export interface CheckOptions {
  readonly config: string;
  readonly json?: boolean;
  readonly html?: string;
}

/** `plumbline check`: the working copy against what runs, with this person's tools and credentials. */
export async function check(wanted: readonly string[], options: CheckOptions, terminal: Terminal): Promise<void> {
  const config = await readConfig(options.config, terminal.cwd, null);
  const targets = selectTargets(config.targets, wanted);
  const folders = new WorkingFolders(options.config, terminal);
  const reports: Report[] = [];
  await withProgress(targets, terminal, async (target, progress) => {
    const found = await checkOne(target, config, folders, terminal, progress);
    const report = applyRules(found, target, { rules: config.rules, bindings: null, now: new Date() });
    reports.push(report);
    if (options.html !== undefined) await writePage(options.html, report, targets.length > 1, terminal.cwd);
  });
  terminal.out(options.json === true ? JSON.stringify(reports, null, 2) : readable(reports, terminal));
  terminal.exit(exitCodeOf(reports.map(({ verdict }) => verdict)));
}

async function checkOne(
  target: Target,
  config: Config,
  folders: WorkingFolders,
  terminal: Terminal,
  progress: (step: string) => void,
): Promise<Report> {
  const now = new Date();
  const working = await folders.of(target);
  const run: Run = {
    schema: 'plumbline.run/1',
    runId: newRunId(now, target.name, 'manual', randomUUID()),
    target: target.name,
    layer: target.layer,
    trigger: 'manual',
    commit: working.commit,
    requestedAt: now.toISOString(),
    deadline: new Date(now.getTime() + target.timeoutSeconds * 1000).toISOString(),
    config: { hash: config.hash, commit: null },
  };
  const secrets = await readSecrets(target, terminal, new AwsSecrets());
  if (typeof secrets === 'string') return unknownReport(run, secrets, new Date());
  try {
    return await checkTerraform({
      target,
      run,
      source: { folder: working.folder, disposable: false },
      fingerprintKey: null,
      environment: toolEnvironment(terminal.env, 'workstation'),
      secrets,
      hidden: ownCredentials(terminal.env),
      toolCache: join(terminal.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'plumbline'),
      openS3State: (place) => new S3State(place),
      signal: terminal.signal,
      progress,
      now: () => new Date(),
      notes: working.notes,
    });
  } catch (error) {
    // The other targets' reports must not be lost with this one.
    const what = error instanceof Error ? error : new Error(String(error));
    terminal.err(`${target.name}: ${what.stack ?? what.message}`);
    return unknownReport(run, `the check itself failed: ${what.message}`, new Date());
  }
}

/** Values of `terraform.env`: from the shell where it sets them, else from where the config says; or why there are none. */
async function readSecrets(
  target: Target,
  terminal: Terminal,
  secrets: Secrets,
): Promise<Readonly<Record<string, string>> | string> {
  const values: Record<string, string> = {};
  for (const [name, reference] of Object.entries(target.terraform.env)) {
    const own = terminal.env[name];
    try {
      values[name] = own ?? (await secrets.read(reference));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return `${name} could not be read (${why}): set it in your shell, or give credentials that may read it`;
    }
  }
  return values;
}

/** Credentials in the shell: no report may hold them. */
function ownCredentials(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && /(SECRET|TOKEN|PASSWORD|CREDENTIALS|_KEY)/.test(name) ? [value] : [],
  );
}

function readable(reports: readonly Report[], terminal: Terminal): string {
  const texts = reports.map((report) => reportText(report, terminal.colours));
  if (reports.length > 1) texts.push(summaryText(reports, terminal.colours));
  return texts.join('\n\n');
}

/** `report.html`, or `report.prod-network.html` where there are several. */
async function writePage(file: string, report: Report, several: boolean, cwd: string): Promise<void> {
  const extension = extname(file);
  const stem = file.slice(0, file.length - extension.length);
  const name = several ? `${stem}.${report.target.replaceAll('/', '-')}${extension}` : file;
  await writeFile(resolve(cwd, name), renderReport(report)).catch((error: unknown) => {
    throw new UsageError(`${name} cannot be written: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  });
}
