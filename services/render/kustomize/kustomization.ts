import { type Document, isMap, LineCounter, type Node, parseAllDocuments, parseDocument, visit } from 'yaml';
import * as z from 'zod';
import { RenderError } from '../error.ts';

/** A path, an address or an inline text that a kustomization names, and where. */
export interface Entry {
  /** `k8s/prod/kustomization.yaml:4` */
  readonly at: string;
  readonly text: string;
  /**
   * `part`: a folder or a file of objects; `file`: only a file; `plugin`: a file, a folder or an inline text that
   * configures a generator, transformer or validator.
   */
  readonly role: 'part' | 'file' | 'plugin';
}

const FIELDS = {
  resources: 'part',
  bases: 'part',
  components: 'part',
  crds: 'file',
  configurations: 'file',
  generators: 'plugin',
  transformers: 'plugin',
  validators: 'plugin',
} as const satisfies Readonly<Record<string, Entry['role']>>;

const HELM_FIELDS = ['helmCharts', 'helmChartInflationGenerator', 'helmGlobals'] as const;
const MAX_ALIASES = 100;

const texts = z.array(z.string()).nullish();
const withPath = z.array(z.looseObject({ path: z.string().nullish() })).nullish();
const sources = z.array(z.looseObject({ files: texts, envs: texts, env: z.string().nullish() })).nullish();
const KUSTOMIZATION = z.looseObject({
  patches: withPath,
  patchesJson6902: withPath,
  replacements: withPath,
  patchesStrategicMerge: texts,
  configMapGenerator: sources,
  secretGenerator: sources,
  openapi: z.looseObject({ path: z.string().nullish() }).nullish(),
  ...Object.fromEntries(Object.keys(FIELDS).map((field) => [field, texts])),
});

/** Everything that a kustomization has kustomize read. @throws RenderError when it wants more than a renderer may do */
export function readKustomization(file: string, text: string): readonly Entry[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, logLevel: 'silent' });
  const [error] = document.errors;
  if (error !== undefined) {
    throw new RenderError(`${file}:${lines.linePos(error.pos[0]).line}: ${error.message.split('\n')[0]}`);
  }
  if (document.contents === null) return [];
  const lineOf = (...path: (string | number)[]): string => {
    const node = document.getIn(path, true) as Node | undefined;
    return node?.range ? `${file}:${lines.linePos(node.range[0]).line}` : file;
  };
  if (!isMap(document.contents)) throw new RenderError(`${file}: a kustomization is a map`);
  for (const field of HELM_FIELDS) {
    if (!document.has(field)) continue;
    throw new RenderError(`${lineOf(field)}: ${field} would fetch and run a chart; give it a target with render: helm`);
  }
  const parsed = KUSTOMIZATION.safeParse(plainValue(document, file));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = (issue?.path ?? []) as (string | number)[];
    throw new RenderError(`${lineOf(...path)}: ${path.join('.')} is not what kustomize takes: ${issue?.message}`);
  }
  return entriesOf(parsed.data, lineOf);
}

function plainValue(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (cause) {
    if (!(cause instanceof ReferenceError)) throw cause;
    throw new RenderError(`${file}: its aliases stand for more than is read: ${cause.message}`, { cause });
  }
}

function entriesOf(
  kustomization: z.infer<typeof KUSTOMIZATION>,
  lineOf: (...path: (string | number)[]) => string,
): readonly Entry[] {
  const entries: Entry[] = [];
  const add = (role: Entry['role'], text: string | null | undefined, ...path: (string | number)[]): void => {
    if (typeof text === 'string' && text !== '') entries.push({ at: lineOf(...path), text, role });
  };
  for (const [field, role] of Object.entries(FIELDS)) {
    const listed = (kustomization[field] ?? []) as readonly string[];
    for (const [index, text] of listed.entries()) add(role, text, field, index);
  }
  for (const field of ['patches', 'patchesJson6902', 'replacements'] as const) {
    for (const [index, { path }] of (kustomization[field] ?? []).entries()) add('file', path, field, index);
  }
  for (const [index, text] of (kustomization.patchesStrategicMerge ?? []).entries()) {
    // An inline patch has lines.
    if (!text.includes('\n')) add('file', text, 'patchesStrategicMerge', index);
  }
  for (const field of ['configMapGenerator', 'secretGenerator'] as const) {
    for (const [index, { files, envs, env }] of (kustomization[field] ?? []).entries()) {
      for (const text of files ?? []) add('file', text.slice(text.indexOf('=') + 1), field, index);
      for (const text of [...(envs ?? []), env]) add('file', text, field, index);
    }
  }
  add('file', kustomization.openapi?.path, 'openapi');
  return entries;
}

const FUNCTION_ANNOTATIONS = ['config.kubernetes.io/function', 'config.k8s.io/function'];

/** Only what kustomize does by itself: no program, no container, no chart. @throws RenderError */
export function checkPlugins(at: string, text: string): void {
  for (const document of parseAllDocuments(text, { logLevel: 'silent' })) {
    if (!('contents' in document) || document.contents === null) continue;
    if (document.errors.length > 0) throw new RenderError(`${at}: this is no YAML: ${document.errors[0]?.message}`);
    if (document.get('apiVersion') !== 'builtin') {
      throw new RenderError(
        `${at}: a generator, transformer or validator that is not built in would run code; remove it`,
      );
    }
    if (document.get('kind') === 'HelmChartInflationGenerator') {
      throw new RenderError(`${at}: it would fetch and run a chart; give the chart a target with render: helm`);
    }
    visit(document, {
      Pair(_, { key }) {
        if (!FUNCTION_ANNOTATIONS.includes(String(key))) return;
        throw new RenderError(`${at}: a function would run a program or a container; remove it`);
      },
    });
  }
}
