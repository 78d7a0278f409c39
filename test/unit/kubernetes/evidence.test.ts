import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '#drift/kubernetes/json.ts';
import type { KubernetesJudgement } from '#drift/kubernetes/judge.ts';
import { readManifests } from '#drift/kubernetes/manifests/read.ts';
import { judgeTexts } from './judging.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../fixtures/kubernetes/cases');
const read = (name: string, file: string): string => readFileSync(path.join(FOLDER, name, file), 'utf8');

interface Case {
  readonly name: string;
  readonly declared: string;
  readonly live: readonly JsonObject[];
  readonly options: unknown;
}

const CASES: readonly Case[] = readdirSync(FOLDER).map((name) => ({
  name,
  declared: read(name, 'config.yaml'),
  live: readManifests([{ file: 'live.yaml', text: read(name, 'live.yaml') }]).objects.map(({ value }) => value),
  options: (JSON.parse(read(name, 'expected.json')) as { input: { options?: unknown } }).input.options,
}));

const SAID = new Map(
  CASES.map((of) => [
    of.name,
    (JSON.parse(read(of.name, 'expected.json')) as { input: { defaultNamespace?: string } }).input,
  ]),
);

function judge(of: Case, live: readonly JsonObject[], forbidden: readonly unknown[] = []): KubernetesJudgement {
  const { defaultNamespace = 'default' } = SAID.get(of.name) ?? {};
  const options = { ...(of.options as object | undefined), ...(forbidden.length > 0 ? { forbidden } : {}) };
  return judgeTexts(of.declared, '', options, {}, { defaultNamespace, dump: live });
}
const metadataOf = (object: JsonObject) => (object['metadata'] ?? {}) as JsonObject;
const withMetadata = (object: JsonObject, metadata: JsonObject): JsonObject => ({ ...object, metadata });

/** What git declares and the cluster does not have: no evidence of who did it is needed. */
const certain = ({ findings }: KubernetesJudgement): readonly string[] =>
  findings
    .filter(({ change }) => change !== 'added')
    .map(({ subject, path: at, change }) => `${change} ${subject} ${at}`);

describe.each(CASES.map((of) => [of.name, of] as const))('%s', (_name, of) => {
  const whole = judge(of, of.live);
  const isComparing = whole.coverage.compared > 0;

  it('a live object that is gone is missing, never equal', () => {
    for (const [index, object] of of.live.entries()) {
      const less = judge(of, of.live.toSpliced(index, 1));
      const isDeclared = certain(less).some(
        (text) => text.startsWith('removed ') && text.endsWith(`/${metadataOf(object)['name']} undefined`),
      );
      expect(less.coverage.total, JSON.stringify(metadataOf(object))).toBeGreaterThanOrEqual(whole.coverage.total);
      if (isDeclared) expect(less.verdict).not.toBe('in-sync');
      if (whole.verdict === 'drifted' && less.verdict === 'in-sync')
        expect(whole.findings.every(({ change }) => change === 'added')).toBe(true);
    }
  });

  it('a kind, or a namespace, that was not reached is unknown', () => {
    if (!isComparing) return;
    const places = new Set(of.live.map((object) => JSON.stringify([object['kind'], metadataOf(object)['namespace']])));
    for (const place of places) {
      const [kind, namespace] = JSON.parse(place) as [string, string | null];
      for (const rule of [{ kind }, ...(namespace === null ? [] : [{ namespace }])]) {
        const less = judge(of, of.live, [rule]);
        expect(less.coverage.compared).toBeLessThanOrEqual(whole.coverage.compared);
        if (less.coverage.compared < whole.coverage.compared) expect(less.verdict).not.toBe('in-sync');
      }
    }
  });

  it('what is declared and differs does not hang on who wrote it', () => {
    const books = of.live.map((object) => ((metadataOf(object)['managedFields'] ?? []) as readonly Json[]).length);
    const most = Math.max(0, ...books);
    const cuts = [
      (object: JsonObject) => without(object, 'managedFields'),
      ...Array.from({ length: most }, (_, index) => (object: JsonObject) => withoutEntry(object, index)),
      withoutApplied,
    ];
    for (const cut of cuts)
      expect(certain(judge(of, of.live.map(cut)))).toEqual(expect.arrayContaining([...certain(whole)]));
  });

  it('without the schema of its kinds it is no more in sync than with it', () => {
    if (whole.verdict !== 'drifted') return;
    const less = judge(
      of,
      of.live.filter(({ kind }) => kind !== 'CustomResourceDefinition'),
    );
    expect(less.verdict).not.toBe('in-sync');
  });
});

function without(object: JsonObject, key: string): JsonObject {
  const { [key]: _gone, ...metadata } = metadataOf(object);
  return withMetadata(object, metadata);
}

function withoutEntry(object: JsonObject, index: number): JsonObject {
  const { managedFields = [] } = metadataOf(object);
  return withMetadata(object, {
    ...metadataOf(object),
    managedFields: (managedFields as readonly Json[]).toSpliced(index, 1),
  });
}

function withoutApplied(object: JsonObject): JsonObject {
  const { annotations } = metadataOf(object);
  if (annotations === undefined || annotations === null) return object;
  const { 'kubectl.kubernetes.io/last-applied-configuration': _gone, ...others } = annotations as JsonObject;
  return withMetadata(object, { ...metadataOf(object), annotations: others });
}
