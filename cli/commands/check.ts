import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { renderReport } from '#drift/page/report-page.ts';
import type { Report } from '#drift/report.ts';
import { applyRules } from '#drift/rules/apply.ts';
import { objectRules } from '#drift/rules/rule.ts';
import { newRunId, type Run } from '#drift/run.ts';
import { unknownReport } from '#drift/state/conclude.ts';
import type { Config, Target } from '#drift/target.ts';
import { readConfig } from '../config-file.ts';
import { checkKubernetesHere } from '../local/kubernetes.ts';
import { checkNodesHere } from '../local/nodes.ts';
import type { LocalRun } from '../local/run.ts';
import { checkTerraformHere } from '../local/terraform.ts';
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
  const local: LocalRun = { run, working, terminal, progress };
  try {
    if (target.layer === 'terraform') return await checkTerraformHere(target, local);
    if (target.layer === 'nodes') return await checkNodesHere(target, local);
    return await checkKubernetesHere(target, objectRules(config.rules, target.name), local);
  } catch (error) {
    // The other targets' reports must not be lost with this one.
    const what = error instanceof Error ? error : new Error(String(error));
    terminal.err(`${target.name}: ${what.stack ?? what.message}`);
    return unknownReport(run, `the check itself failed: ${what.message}`, new Date());
  }
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
