import * as z from 'zod';
import { glob, text } from './scalars.ts';

/** Most rules of all kinds together. */
export const MAX_RULES = 1000;
const END_OF_DAY = 'T23:59:59.999Z';
const UNTIL =
  'write a date such as 2026-12-01, which ends with that day in UTC, or a time such as 2026-12-01T18:00:00Z';

const common = {
  target: glob('a target, such as prod/network or */network').describe('Targets it speaks of; * is any text.'),
  subject: glob('a subject, such as aws_security_group.web').describe('Subjects it speaks of; * is any text.'),
  reason: text('why: a reason').describe('Why.'),
};
const path = glob('a path, such as tags.Owner').optional();

const until = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })], { error: UNTIL })
  .transform((value) => new Date(value.includes('T') ? value : `${value}${END_OF_DAY}`).toISOString());

/** Most entries of one rule. */
const MAX_PARTS = 50;
const parts = (entry: z.ZodString, what: string) =>
  z
    .array(entry, { error: `write ${what} as a list` })
    .min(1, `write ${what}, or take the key out`)
    .max(MAX_PARTS, `at most ${MAX_PARTS} are possible`)
    .exactOptional();

const ignore = z.strictObject({
  ...common,
  path: path.describe('Attributes it speaks of. Absent: the whole subject, also when it is missing or extra.'),
  pointers: parts(
    text('a pointer', 1000).regex(/^(\/([^~/]|~[01])*)+$/, 'write a JSON pointer, such as /spec/replicas'),
    'JSON pointers',
  ).describe('Kubernetes alone: parts of an object as JSON pointers, such as /spec/replicas.'),
  jq: parts(
    text('an expression', 1000).regex(/^(?!\s*\.\s*$)\s*[.(]/, 'write a path, such as .spec.containers[].image'),
    'jq paths',
  ).describe('Kubernetes alone: parts of an object as jq paths, such as .spec.containers[] | .image.'),
  managers: parts(text('a field manager', 128), 'field managers').describe(
    'Kubernetes alone: what these field managers own, such as kube-controller-manager.',
  ),
});

const accept = z.strictObject(common);

const acknowledge = z.strictObject({
  ...common,
  path: path.describe('Attributes it speaks of. Absent: all that are changed, never a missing or extra subject.'),
  owner: text('an owner, such as alice@acme.example').describe('Who looks after it.'),
  until: until.describe('When it ends: a date (with that day, in UTC) or a time.'),
  value: z
    .string({ error: 'write the hash that plumbline ack prints' })
    .regex(/^(?:[0-9a-f]{32}|[0-9a-f]{64})$/, 'write the hash that plumbline ack prints')
    .optional()
    .describe('Hash of the live value that is known, from plumbline ack. Absent: the value of the last verdict.'),
});

const list = <T extends z.ZodType>(rule: T) =>
  z
    .array(rule, { error: 'write a list of rules: [{ target: …, subject: … }]' })
    .max(MAX_RULES, `at most ${MAX_RULES} rules are possible: use *`)
    .default([]);

/** `ignore`, `accept` and `acknowledge` as they are written. */
export const ruleLists = {
  ignore: list(ignore).describe('Never a finding.'),
  accept: list(accept).describe('Known not to be comparable: out of the coverage total.'),
  acknowledge: list(acknowledge).describe('Known findings: they stay listed and do not page, until a date.'),
};
