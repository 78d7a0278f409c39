import type { Links } from '#services/ports.ts';
import { NotReady } from '../not-ready.ts';

/** Clocks differ, and a request takes a while. */
const MARGIN_SECONDS = 120;

export interface SignedLinks {
  /** Gives the bundle. */
  readonly bundle: string;
  /** Takes the stream of a node, by its id. */
  readonly nodes: Readonly<Record<string, string>>;
}

export interface LinksRequest {
  readonly bundle: string;
  /** Keys by node's id. */
  readonly nodes: ReadonlyMap<string, string>;
  /** Milliseconds until every node has begun and ended, or is not waited for any more. */
  readonly leftMs: number;
  readonly now: Date;
}

/**
 * Links that live until the check is over: one that ends while a node still works would cost its answer.
 * @throws NotReady when the credentials that sign end before
 */
export async function signLinks({ bundle, nodes, leftMs, now }: LinksRequest, links: Links): Promise<SignedLinks> {
  const seconds = Math.ceil(leftMs / 1000) + MARGIN_SECONDS;
  await refuseShort(new Date(now.getTime() + seconds * 1000), now, links);
  const signed = [...nodes].map(async ([id, key]) => [id, await links.link(key, seconds)] as const);
  return { bundle: await links.download(bundle, seconds), nodes: Object.fromEntries(await Promise.all(signed)) };
}

async function refuseShort(wanted: Date, now: Date, links: Links): Promise<void> {
  const isEnough = (end: Date | null): boolean => end === null || end >= wanted;
  if (isEnough(await links.endsAt(false))) return;
  const end = await links.endsAt(true);
  if (end === null || isEnough(end)) return;
  const minutes = Math.floor((end.getTime() - now.getTime()) / 60_000);
  throw new NotReady(
    `upload link would expire at ${end.toISOString()}, before the nodes have to have answered: the build's credentials end then; lower the target's timeout below ${minutes} minutes`,
  );
}

/** What of a link is secret: the rest of it is no more than a name. */
export function secretsOf(link: string): readonly string[] {
  const query = new URL(link).searchParams;
  const parts = ['X-Amz-Signature', 'X-Amz-Security-Token'].flatMap((name) => query.get(name) ?? []);
  return parts.length === 0 ? [link] : parts;
}
