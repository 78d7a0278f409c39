import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { CloudWatchClient, DescribeAlarmsCommand, type MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';

/** Where an account is, and how to trust it. */
export interface Place {
  readonly endpoint: string;
  readonly region: string;
  readonly caBundle: string;
}

/** The configuration of any AWS SDK client that looks at the account as its owner. */
export function ownerOf(place: Place) {
  return {
    endpoint: place.endpoint,
    region: place.region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    requestHandler: { httpsAgent: new Agent({ ca: readFileSync(place.caBundle), keepAlive: true }) },
  };
}

/** What the deployed service says of a target, as far as a person at the console sees it. */
export interface Verdict {
  readonly target: string;
  readonly verdict: string;
  readonly reason: string;
  readonly runId: string;
  readonly causes: readonly string[];
}

/** Why there was a run. */
export interface Origin {
  readonly trigger: string;
  readonly commit: string;
  /** Id of the git host's delivery that asked for it. */
  readonly delivery: string | null;
}

/** What a report says of a target. */
export interface Details {
  /** What differs, `change subject path (why)`. */
  readonly findings: readonly string[];
  /** Subjects that could not be compared. */
  readonly uncovered: readonly string[];
  /** Subjects that cannot be compared, and a rule accepts that. */
  readonly accepted: readonly string[];
}

/** Looks at a deployed service from outside: its bucket, its alarms, its functions. Knows no product code. */
export class Outside {
  readonly s3: S3Client;
  readonly cloudwatch: CloudWatchClient;
  readonly lambda: LambdaClient;
  readonly bucket: string;

  constructor(place: Place, bucket: string) {
    const owner = ownerOf(place);
    this.s3 = new S3Client(owner);
    this.cloudwatch = new CloudWatchClient(owner);
    this.lambda = new LambdaClient(owner);
    this.bucket = bucket;
  }

  /** The object's text; null when there is none. */
  async text(key: string): Promise<string | null> {
    try {
      const object = await this.s3.send(new GetObjectCommand({ Bucket: this.bucket, Key: key }));
      return (await object.Body?.transformToString()) ?? '';
    } catch (error) {
      if (error instanceof Error && error.name === 'NoSuchKey') return null;
      throw error;
    }
  }

  /** Keys below a prefix, the first thousand. */
  async keys(prefix: string): Promise<readonly string[]> {
    const list = await this.s3.send(new ListObjectsV2Command({ Bucket: this.bucket, Prefix: prefix }));
    return (list.Contents ?? []).flatMap((object) => object.Key ?? []);
  }

  /** The latest verdict on a target; null before its first run. */
  async verdict(target: string): Promise<Verdict | null> {
    const text = await this.text(`state/${target}.json`);
    if (text === null) return null;
    const state = JSON.parse(text);
    if (state.last === null) return null;
    const causes: string[] = state.findings.map((finding: { cause: string }) => finding.cause);
    return {
      target,
      verdict: state.last.verdict,
      reason: state.last.reason,
      runId: state.last.runId,
      causes: [...new Set(causes)].sort(),
    };
  }

  /** Who asked for the run of a verdict, and what it looked at. */
  async origin(verdict: Verdict): Promise<Origin> {
    const run = JSON.parse((await this.text(`${folderOf(verdict)}run.json`)) ?? '{}');
    return { trigger: run.trigger, commit: run.commit, delivery: run.by?.delivery ?? null };
  }

  /** What the report of a verdict's run says, each sorted. */
  async details(verdict: Verdict): Promise<Details> {
    const report = JSON.parse((await this.text(`${folderOf(verdict)}report.json`)) ?? '{}');
    const subjects = (all: readonly { subject: string }[]): string[] => all.map(({ subject }) => subject).sort();
    return {
      findings: (report.findings ?? []).map(describeFinding).sort(),
      uncovered: subjects(report.coverage?.uncovered ?? []),
      accepted: subjects((report.notes ?? []).filter(({ kind }: { kind: string }) => kind === 'accepted')),
    };
  }

  /** Every alarm of the service. */
  async alarms(): Promise<readonly MetricAlarm[]> {
    const alarms: MetricAlarm[] = [];
    let next: string | undefined;
    do {
      const page = await this.cloudwatch.send(
        new DescribeAlarmsCommand({
          AlarmNamePrefix: 'plumbline ',
          MaxRecords: 100,
          ...(next ? { NextToken: next } : {}),
        }),
      );
      alarms.push(...(page.MetricAlarms ?? []));
      next = page.NextToken;
    } while (next !== undefined);
    return alarms;
  }

  /** Names of the alarms that are red, sorted. */
  async red(): Promise<readonly string[]> {
    const alarms = await this.alarms();
    return alarms.flatMap((alarm) => (alarm.StateValue === 'ALARM' ? (alarm.AlarmName ?? []) : [])).sort();
  }

  /** Invokes a function as a person would, and waits for its answer. @throws when it failed */
  async invoke(functionName: string, payload: unknown): Promise<unknown> {
    const answer = await this.lambda.send(
      new InvokeCommand({ FunctionName: functionName, Payload: Buffer.from(JSON.stringify(payload)) }),
    );
    const text = Buffer.from(answer.Payload ?? []).toString('utf8');
    if (answer.FunctionError !== undefined) throw new Error(`${functionName} failed: ${text}`);
    return text === '' ? null : JSON.parse(text);
  }

  /** Asks for a run of a target as a person would. @returns its id, or why there is none */
  async start(dispatch: string, target: string): Promise<{ readonly runId: string | null; readonly sentence: string }> {
    const answer = await this.invoke(dispatch, { target, trigger: 'manual' });
    const { runId, sentence } = answer as { readonly runId: string | null; readonly sentence: string };
    // One that could not start looks at nothing, and is judged all the same.
    return { runId: runId ?? /^run (\S+) could not start: /.exec(sentence)?.[1] ?? null, sentence };
  }
}

const folderOf = ({ target, runId }: Verdict): string =>
  `runs/${target}/${runId.slice(0, 4)}/${runId.slice(4, 6)}/${runId.slice(6, 8)}/${runId}/`;

function describeFinding(finding: { change: string; subject: string; path?: string; actionReason?: string }): string {
  const why = finding.actionReason === undefined ? undefined : `(${finding.actionReason})`;
  return [finding.change, finding.subject, finding.path, why].filter((part) => part !== undefined).join(' ');
}

/**
 * Asks again and again until the answer is not null.
 * @throws with `what` and the last answer's description when `seconds` are over
 */
export async function until<T>(what: string, seconds: number, ask: () => Promise<T | null>): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (Date.now() > end) throw new Error(`waited ${seconds} s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** An output of any of the stacks. @throws when there is none */
export function outputOf(outputs: Readonly<Record<string, Readonly<Record<string, string>>>>, name: string): string {
  const value = Object.values(outputs).flatMap((stack) => stack[name] ?? [])[0];
  if (value === undefined) throw new Error(`no stack has an output ${name}`);
  return value;
}
