import * as z from 'zod';
import { type Row, STANDINGS } from '../overview.ts';
import { LAYERS } from '../target.ts';

/** Rows of one page. */
export const PAGE_SIZE = 50;

/** What can be chosen from, with the names of the form's fields. */
export const FILTERS = ['environment', 'layer', 'verdict'] as const;
export type Filter = (typeof FILTERS)[number];

const choice = z.string().max(200).optional().catch(undefined);

const choicesSchema = z
  .object({
    environment: choice,
    layer: choice,
    verdict: choice,
    page: z.coerce.number().int().min(1).max(100_000).optional().catch(undefined),
  })
  .readonly();

/** What a viewer chose; nothing: all, from the first page on. */
export type Choices = z.infer<typeof choicesSchema>;

/**
 * What a viewer chose: what the widget's form says now goes before what a button was made with. Anything that makes no
 * sense is as if not chosen.
 */
export function choicesOf(
  parameters: Readonly<Record<string, unknown>>,
  form: Readonly<Record<string, unknown>>,
): Choices {
  return choicesSchema.parse({ ...parameters, ...form });
}

/** The part of the rows that is shown, and what can be chosen from. */
export interface View {
  readonly rows: readonly Row[];
  /** Rows that the filters leave. */
  readonly matching: number;
  readonly page: number;
  readonly pages: number;
  readonly filters: readonly { readonly name: Filter; readonly options: readonly string[]; readonly chosen: string }[];
}

/** @param rows of all targets, in the order in which they are shown */
export function viewOf(rows: readonly Row[], choices: Choices): View {
  const options: Readonly<Record<Filter, readonly string[]>> = {
    environment: [...new Set(rows.map(({ environment }) => environment))].sort(),
    layer: LAYERS,
    verdict: STANDINGS,
  };
  const filters = FILTERS.map((name) => {
    const wanted = choices[name] ?? '';
    // A page that was left open may name an environment that is no more.
    return { name, options: options[name], chosen: options[name].includes(wanted) ? wanted : '' };
  });
  const matching = rows.filter((row) => filters.every(({ name, chosen }) => chosen === '' || row[name] === chosen));
  const pages = Math.max(1, Math.ceil(matching.length / PAGE_SIZE));
  const page = Math.min(choices.page ?? 1, pages);
  return {
    rows: matching.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE),
    matching: matching.length,
    page,
    pages,
    filters,
  };
}
