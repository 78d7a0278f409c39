import type { Report } from '../report.ts';
import { visible } from './visible.ts';

const COMMIT = /^[0-9a-f]{7,64}$/;

/** How a person repeats a check by hand. */
export interface Again {
  /** What must be so before the commands mean the same. */
  readonly conditions: readonly string[];
  /** For a shell, one a line. */
  readonly commands: readonly string[];
}

/** The commands that compare the same target at the same commit again; names are quoted, they are foreign text. */
export function again({ target, layer, commit, config, tool, notes }: Report): Again {
  if (commit.checked === null && config.hash === null) {
    return {
      conditions: ['This is a verdict on saved evidence, not on a target of a config: judge the same files again.'],
      commands: [`plumbline judge ${layer} --help`],
    };
  }
  const checked = commit.checked !== null && COMMIT.test(commit.checked) ? commit.checked : null;
  const own = config.commit !== null && config.commit !== commit.checked;
  const local = notes.find(({ kind }) => kind === 'commit');
  return {
    conditions: [
      checked === null
        ? 'In the repository; which commit was checked is not known.'
        : 'In the repository, with nothing uncommitted; the first command goes to the commit that was checked.',
      ...(local === undefined ? [] : [`That commit alone is not what was checked: ${visible(local.text)}.`]),
      ...(own ? [`plumbline.yaml was the one of its own repository's commit ${visible(config.commit)}.`] : []),
      ...(tool?.version
        ? [`${visible(tool.name)} was ${visible(tool.version)}; another version may judge otherwise.`]
        : []),
    ],
    commands: [
      ...(checked === null ? [] : [`git switch --detach ${checked}`]),
      `plumbline check -c plumbline.yaml ${target.startsWith('-') ? '-- ' : ''}${quoted(target)}`,
    ],
  };
}

/** One word for a POSIX shell, whatever it holds. */
function quoted(text: string): string {
  const shown = visible(text).replaceAll('\n', '\\n');
  return /^[\w@%+=:,./-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", `'\\''`)}'`;
}
