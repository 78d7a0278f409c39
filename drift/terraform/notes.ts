import type { Note } from '../note.ts';
import { changedPaths, effectiveDrift, plannedChanges } from './attribution.ts';
import type { Plan } from './plan.ts';
import { markAt, type Path, pathText } from './values.ts';

/** Notes of one kind that are listed; the rest is counted. */
const MAX_PER_KIND = 100;

/** What is worth saying of a plan that is no finding. */
export function notesOf(plan: Plan, redact: (text: string) => string): readonly Note[] {
  return [absorbed(plan), moves(plan), imports(plan), reads(plan), outputs(plan), actions(plan), checks(plan)].flatMap(
    (notes) =>
      bounded(notes).map((note) => ({
        ...note,
        ...(note.subject === undefined ? {} : { subject: redact(note.subject) }),
        ...(note.path === undefined ? {} : { path: redact(note.path) }),
        text: redact(note.text),
      })),
  );
}

/** The live side moved and the plan would not undo it: ignored, computed, or adopted by git meanwhile. */
function absorbed(plan: Plan): readonly Note[] {
  const planned = new Map(plannedChanges(plan).map((entry) => [entry.subject, entry.change]));
  return effectiveDrift(plan).flatMap(({ subject, change }) => {
    const undo = planned.get(subject);
    if (change.actions.includes('delete')) {
      return undo === undefined
        ? [{ kind: 'absorbed', subject, text: 'is gone, and nothing declares it any more' }]
        : [];
    }
    const isKnown = (path: Path): boolean => markAt(undo?.after_unknown, path) !== 'all';
    const undone = new Set(undo === undefined ? [] : changedPaths(undo).filter(isKnown).map(pathText));
    return changedPaths(change)
      .filter((path) => !undone.has(pathText(path)))
      .map((path) => ({
        kind: 'absorbed',
        subject,
        path: pathText(path),
        text: isKnown(path)
          ? 'changed outside of git; the plan would not change it back'
          : 'changed outside of git; what it will be is known after an apply',
      }));
  });
}

function moves(plan: Plan): readonly Note[] {
  return (plan.resourceChanges ?? []).flatMap(({ subject, previousAddress }) =>
    previousAddress === null ? [] : [{ kind: 'moved', subject, text: `was ${previousAddress}` }],
  );
}

function imports(plan: Plan): readonly Note[] {
  return (plan.resourceChanges ?? []).flatMap(({ subject, change }) =>
    change.importing == null ? [] : [{ kind: 'import', subject, text: 'will be imported by the next apply' }],
  );
}

function reads(plan: Plan): readonly Note[] {
  return (plan.resourceChanges ?? []).flatMap(({ subject, change, reason }) =>
    change.actions.includes('read')
      ? [
          {
            kind: 'read',
            subject,
            text: reason === 'read_because_check_nested' ? 'is read for a check' : 'is read during apply',
          },
        ]
      : [],
  );
}

function outputs(plan: Plan): readonly Note[] {
  return Object.entries(plan.outputChanges).flatMap(([name, { actions }]) =>
    actions.every((action) => action === 'no-op')
      ? []
      : [{ kind: 'outputs', subject: `output.${name}`, text: `would change (${actions.join(', ')})` }],
  );
}

function actions(plan: Plan): readonly Note[] {
  return plan.actions.map((subject) => ({ kind: 'action', subject, text: 'would be run by the next apply' }));
}

function checks(plan: Plan): readonly Note[] {
  return plan.checks
    .filter(({ status }) => status === 'fail' || status === 'error')
    .map((check) => {
      const messages = (check.instances ?? []).flatMap((instance) =>
        (instance.problems ?? []).flatMap((problem) => problem.message ?? []),
      );
      const subject = check.address?.to_display;
      return {
        kind: 'check',
        ...(subject === undefined ? {} : { subject }),
        text: `check ${check.status === 'fail' ? 'fails' : 'cannot be made'}${messages.length > 0 ? `: ${messages.join('; ')}` : ''}`,
      };
    });
}

function bounded(notes: readonly Note[]): readonly Note[] {
  const kind = notes[0]?.kind;
  if (kind === undefined || notes.length <= MAX_PER_KIND) return notes;
  return [
    ...notes.slice(0, MAX_PER_KIND),
    { kind, text: `${notes.length - MAX_PER_KIND} more of this kind, not listed` },
  ];
}
