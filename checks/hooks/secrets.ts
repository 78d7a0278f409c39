import type { Source } from '#drift/target.ts';
import type { HookSecret } from '#drift/webhook/proof.ts';
import type { Log, SecretVersions } from '#services/ports.ts';

/** Between two readings that a wrong proof causes: whoever sends wrong ones shall not make us ask for secrets all day. */
const REFRESH_MS = 60_000;
/** A secret that was rotated has its old version for as long; then it is read again. */
const KEEP_MS = 15 * 60_000;

export interface KnownSecrets {
  readonly secrets: readonly HookSecret[];
  /** Why one of them could not be read: what these do not prove, it may. Null: these are all. */
  readonly lost: unknown;
}

/** The webhook secrets of all sources, kept between deliveries. */
export class HookSecrets {
  readonly #sources: readonly Source[];
  readonly #secrets: SecretVersions;
  readonly #log: Log;
  #kept: { readonly secrets: readonly HookSecret[]; readonly at: number } | null = null;
  #asked = Number.NEGATIVE_INFINITY;

  constructor(sources: readonly Source[], secrets: SecretVersions, log: Log) {
    this.#sources = sources.filter(({ webhook }) => webhook !== undefined);
    this.#secrets = secrets;
    this.#log = log;
  }

  /** @param now milliseconds */
  async known(now: number): Promise<KnownSecrets> {
    if (this.#kept !== null && now - this.#kept.at < KEEP_MS) return { secrets: this.#kept.secrets, lost: null };
    return this.#read(now);
  }

  /** Reads them anew, unless that was done a moment ago; null then. */
  async renewed(now: number): Promise<KnownSecrets | null> {
    return now - this.#asked < REFRESH_MS ? null : this.#read(now);
  }

  async #read(now: number): Promise<KnownSecrets> {
    this.#asked = now;
    const read = await Promise.allSettled(this.#sources.map((source) => this.#ofSource(source)));
    const lost = read.flatMap((result, index) =>
      result.status === 'rejected' ? [{ source: this.#sources[index]?.name, reason: result.reason }] : [],
    );
    for (const { source, reason } of lost) {
      this.#log.error('webhook secret could not be read', {
        source,
        error: reason instanceof Error ? reason.name : '',
      });
    }
    // One source's lost secret must not close the door of another.
    const secrets = read.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
    // Only what is whole is kept.
    this.#kept = lost.length === 0 ? { secrets, at: now } : null;
    return { secrets, lost: lost[0]?.reason ?? null };
  }

  async #ofSource({ name, webhook }: Source): Promise<readonly HookSecret[]> {
    if (webhook === undefined) return [];
    // A file ends with a line break, and what is stored from it; a git host's page takes one line, without.
    return (await this.#secrets.versions(webhook)).map((value) => ({ name, value: value.replace(/[\r\n]+$/, '') }));
  }
}
