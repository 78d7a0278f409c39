import { inflateSync } from 'node:zlib';

const HEADER_BYTES = 12;
const OFFSET_DELTA = 6;
const REFERENCE_DELTA = 7;
const ID_BYTES = 20;

/** The objects of a pack are more than may be unpacked. */
export class PackTooLarge extends Error {
  override readonly name = 'PackTooLarge';
}

/**
 * Unpacks one object after the other and keeps none, so that a few kilobytes that stand for gigabytes are found out
 * before anything holds all of them. Format: https://git-scm.com/docs/gitformat-pack
 * @throws PackTooLarge
 */
export function checkPack(pack: Buffer, maxBytes: number): void {
  const count = pack.readUInt32BE(8);
  let at = HEADER_BYTES;
  let total = 0;
  for (let index = 0; index < count; index += 1) {
    const kind = ((pack[at] ?? 0) >> 4) & 7;
    at = afterNumber(pack, at);
    if (kind === OFFSET_DELTA) at = afterNumber(pack, at);
    if (kind === REFERENCE_DELTA) at += ID_BYTES;
    const { content, taken } = inflate(pack.subarray(at), maxBytes - total);
    at += taken;
    const isDelta = kind === OFFSET_DELTA || kind === REFERENCE_DELTA;
    total += content.length + (isDelta ? resultSize(content) : 0);
    if (total > maxBytes) throw new PackTooLarge(`more than ${maxBytes} bytes`);
  }
}

/** Numbers go on as long as the highest bit is set. */
function afterNumber(bytes: Uint8Array, start: number): number {
  let at = start;
  while (((bytes[at] ?? 0) & 0x80) !== 0) at += 1;
  return at + 1;
}

/** A delta begins with the size of what it starts from and of what it makes. */
function resultSize(delta: Uint8Array): number {
  let size = 0;
  let factor = 1;
  for (let at = afterNumber(delta, 0); ; at += 1) {
    const byte = delta[at] ?? 0;
    size += (byte & 0x7f) * factor;
    factor *= 128;
    if ((byte & 0x80) === 0) return size;
  }
}

function inflate(bytes: Buffer, maxBytes: number): { readonly content: Buffer; readonly taken: number } {
  try {
    const { buffer, engine } = inflateSync(bytes, {
      maxOutputLength: Math.max(1, maxBytes),
      info: true,
    }) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    return { content: buffer, taken: engine.bytesWritten };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw error;
    throw new PackTooLarge(`more than ${maxBytes} bytes`, { cause: error });
  }
}
