import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '#drift/kubernetes/json.ts';
import { readManifests } from '#drift/kubernetes/manifests/read.ts';
import { discover } from '#services/cluster/discovery.ts';
import { FakeApi } from './api.ts';
import { budgetOf, judge, look } from './look.ts';

const GENERATOR = path.resolve(import.meta.dirname, '../../../fixtures/kubernetes/generate-objects.mjs');
const COUNT = 1000;
const api = new FakeApi();
let folder = '';
beforeAll(async () => {
  await api.start();
  folder = mkdtempSync(path.join(tmpdir(), 'plumbline-scale-'));
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('a thousand objects', () => {
  it('are read in less than thirty requests, and nothing is found where nothing differs', async () => {
    const [out, live] = [path.join(folder, 'manifests'), path.join(folder, 'live.json')];
    execFileSync(process.execPath, [GENERATOR, '--count', String(COUNT), '--out', out, '--live', live]);
    api.reset();
    const { kinds } = await discover(api.connection(), budgetOf());
    const pathOf = ({ apiVersion, kind }: JsonObject): string => {
      const served = kinds.find((of) => of.apiVersion === apiVersion && of.kind === kind);
      return `/${String(apiVersion).includes('/') ? 'apis' : 'api'}/${apiVersion}/${served?.resource}`;
    };
    const texts = readdirSync(out).map((file) => ({ file, text: readFileSync(path.join(out, file), 'utf8') }));
    const declared = readManifests(texts).objects.map(({ value }) => value);
    const namespaces = declared.filter(({ kind }) => kind === 'Namespace');
    const objects = JSON.parse(readFileSync(live, 'utf8')) as readonly JsonObject[];
    api.serve([...objects, ...namespaces], pathOf);
    api.requests.length = 0;
    const seen = await look(api.connection(), { declared });
    expect(api.requests.length).toBeLessThan(30);
    expect(seen.unreached).toEqual([]);
    expect(seen.objects).toHaveLength(COUNT + namespaces.length);
    const judgement = judge(seen, { declared });
    expect(judgement).toMatchObject({ verdict: 'in-sync', findings: [] });
    expect(judgement.coverage).toEqual({ compared: COUNT + 10, total: COUNT + 10, uncovered: [] });
  });
});
