import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { formatConfigErrors } from '#drift/config/errors.ts';
import { parseConfig } from '#drift/config/parse.ts';
import type { Config } from '#drift/target.ts';
import { UsageError } from './terminal.ts';

/** One byte more than the parser takes, so that it can say that there is too much. */
const MAX_BYTES = 1024 * 1024 + 1;

/**
 * Reads the config.
 * @param asOf acknowledgements that ended before are mistakes; null: they merely do not apply any more
 * @throws UsageError with every mistake in it
 */
export async function readConfig(file: string, cwd: string, asOf: Date | null): Promise<Config> {
  const parsed = parseConfig((await readBounded(resolve(cwd, file), file, MAX_BYTES)).toString('utf8'), file, asOf);
  if (parsed.ok) return parsed.config;
  throw new UsageError(formatConfigErrors(parsed.errors));
}

/** At most `maxBytes` of a file. @throws UsageError when it cannot be read */
export async function readBounded(path: string, name: string, maxBytes: number): Promise<Buffer> {
  try {
    await using handle = await open(path);
    const found = await handle.stat();
    if (found.isFile() && found.size < maxBytes) return await handle.readFile();
    const chunks: Buffer[] = [];
    for await (const chunk of handle.createReadStream({ end: maxBytes - 1 })) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new UsageError(`${name}: there is no such file; name another one`, { cause: error });
    if (code === 'EISDIR') throw new UsageError(`${name} is a folder; name a file in it`, { cause: error });
    if (code === 'EACCES') throw new UsageError(`${name} may not be read by this user`, { cause: error });
    throw error;
  }
}
