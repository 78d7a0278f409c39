import { ExactNumber } from './decode.ts';

/** Adds the texts of `value` that `mask` marks; `true` on an ancestor marks all below. */
export function collectTexts(value: unknown, mask: unknown, found: Set<string>): void {
  if (mask === true) collectAll(value, found);
  if (typeof mask !== 'object' || mask === null || typeof value !== 'object' || value === null) return;
  for (const [key, below] of Object.entries(mask)) collectTexts((value as Record<string, unknown>)[key], below, found);
}

function collectAll(value: unknown, found: Set<string>): void {
  if (typeof value === 'string') found.add(value);
  else if (typeof value === 'number') found.add(String(value));
  else if (value instanceof ExactNumber) found.add(value.digits);
  else if (typeof value === 'object' && value !== null)
    for (const item of Object.values(value)) collectAll(item, found);
}
