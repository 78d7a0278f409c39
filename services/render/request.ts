import type { KubernetesCheck } from '#drift/target.ts';

/** What a server is, so that a chart renders what it would install. */
export interface ServerVersion {
  /** `v1.36.2`, as the server says it; null: not known. */
  readonly version: string | null;
  /** `v1`, `apps/v1`, … */
  readonly apiVersions: readonly string[];
}

/** Where renderers lie, and where they may write. */
export interface RenderTools {
  /** As the variable PATH; relative entries are passed over: a checked repository must not choose what we run. */
  readonly path: string;
  /** A folder of ours that outlives the run: unpacked tools. */
  readonly cache: string;
  /** Certificates to trust instead of the system's, for the hosts that the config names. */
  readonly caFile?: string;
  /** Where a bundle has `jsonnet/worker.ts`, compiled, and `jsonnet/lib/libjsonnet.wasm`. @default the sources */
  readonly jsonnet?: { readonly worker: string | URL; readonly library: string };
}

export interface RenderLimits {
  readonly fileBytes: number;
  /** All files that are read. */
  readonly totalBytes: number;
  readonly files: number;
  /** All that is rendered. */
  readonly outputBytes: number;
  /** What one renderer's process may take. */
  readonly memoryBytes: number;
}

const MIB = 1024 * 1024;

export const RENDER_LIMITS: RenderLimits = {
  fileBytes: 5 * MIB,
  totalBytes: 50 * MIB,
  files: 20_000,
  outputBytes: 64 * MIB,
  memoryBytes: 1024 * MIB,
};

export interface RenderRequest {
  /** Absolute folder of the source as it was checked out. Nothing outside of it is read, and nothing in it written. */
  readonly root: string;
  readonly check: Pick<
    KubernetesCheck,
    'manifests' | 'render' | 'namespace' | 'values' | 'release' | 'jsonnet' | 'hosts'
  >;
  /** Null: not known. */
  readonly server: ServerVersion | null;
  readonly tools: RenderTools;
  readonly signal: AbortSignal;
  /** For everything together. */
  readonly timeoutMs: number;
  /** Called with the paths of the checkout that were read. */
  readonly onRead?: (path: string) => void;
  /** @default RENDER_LIMITS */
  readonly limits?: RenderLimits;
}

/** A request in which nothing is left open. */
export interface Rendering extends RenderRequest {
  readonly limits: RenderLimits;
  /** As `Date.now()` counts. */
  readonly deadline: number;
}
