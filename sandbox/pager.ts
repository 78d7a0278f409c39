import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, get, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import * as z from 'zod';
import type { Certificates } from './tls.ts';

const MAX_BODY = 256_000;

const envelopeSchema = z.object({
  Type: z.enum(['SubscriptionConfirmation', 'Notification']),
  MessageId: z.string(),
  TopicArn: z.string(),
  Message: z.string(),
  Subject: z.string().optional(),
  SubscribeURL: z.string().optional(),
});
const alarmSchema = z.object({
  AlarmName: z.string(),
  AlarmArn: z.string(),
  AlarmDescription: z.string().nullish(),
  NewStateValue: z.enum(['ALARM', 'OK', 'INSUFFICIENT_DATA']),
  NewStateReason: z.string(),
});

/** One message as it came in. */
export interface PagerMessage {
  readonly at: string;
  readonly key: string;
  readonly alarm: string;
  readonly state: string;
  readonly subject: string;
  readonly reason: string;
}

/** What somebody is woken up with. */
export interface Incident {
  readonly alarm: string;
  readonly alarmArn: string;
  readonly subject: string;
  readonly description: string;
  readonly openedAt: string;
  status: 'triggered' | 'resolved';
}

/**
 * A pager that behaves like PagerDuty's CloudWatch integration: confirms the subscription, opens an incident on ALARM,
 * resolves it on OK, one open incident per alarm. It refuses what the real one would not understand.
 */
export class Pager {
  readonly url: string;
  readonly #server: Server;
  readonly #trust: Agent;
  readonly #keys = new Set<string>();
  readonly #inbox: PagerMessage[] = [];
  readonly #incidents: Incident[] = [];
  /** Only the account's own endpoint is asked to confirm. */
  #account = '';

  private constructor(server: Server, trust: Agent) {
    this.#server = server;
    this.#trust = trust;
    this.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(certificates: Certificates): Promise<Pager> {
    const server = createServer({ cert: readFileSync(certificates.cert), key: readFileSync(certificates.key) });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const pager = new Pager(server, new Agent({ ca: readFileSync(certificates.ca) }));
    server.on('request', (request, response) => {
      pager.#answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
    });
    return pager;
  }

  /** A new integration's address; its key is the secret. */
  integration(account: string): string {
    this.#account = account;
    const key = randomBytes(16).toString('hex');
    this.#keys.add(key);
    return `${this.url}/integration/${key}/enqueue`;
  }

  inbox(): readonly PagerMessage[] {
    return [...this.#inbox];
  }

  incidents(): readonly Incident[] {
    return this.#incidents.map((incident) => ({ ...incident }));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET' && request.url === '/incidents') return json(response, this.#incidents);
    if (request.method === 'GET' && request.url === '/inbox') return json(response, this.#inbox);
    const key = /^\/integration\/([0-9a-f]{32})\/enqueue$/.exec(request.url ?? '')?.[1];
    if (request.method !== 'POST' || key === undefined || !this.#keys.has(key)) {
      response.writeHead(404).end();
      return;
    }
    const envelope = envelopeSchema.parse(JSON.parse(await body(request)));
    if (envelope.Type === 'SubscriptionConfirmation') await this.#confirm(envelope.SubscribeURL ?? '');
    else this.#take(key, envelope.Subject ?? '', alarmSchema.parse(JSON.parse(envelope.Message)));
    response.writeHead(202).end();
  }

  async #confirm(address: string): Promise<void> {
    const url = new URL(address);
    const account = new URL(this.#account);
    if (url.port !== account.port) throw new Error(`will not confirm at ${url.host}`);
    url.protocol = account.protocol;
    url.hostname = account.hostname;
    await new Promise<void>((resolve, reject) => {
      get(url, { agent: this.#trust }, (answer) => {
        answer.resume();
        answer.on('end', () =>
          answer.statusCode === 200 ? resolve() : reject(new Error(`confirm: ${answer.statusCode}`)),
        );
      }).on('error', reject);
    });
  }

  #take(key: string, subject: string, alarm: z.infer<typeof alarmSchema>): void {
    if (!subject.startsWith(`${alarm.NewStateValue}:`))
      throw new Error(`subject "${subject}" is not ${alarm.NewStateValue}`);
    const at = new Date().toISOString();
    const { AlarmName, AlarmArn, NewStateValue, NewStateReason } = alarm;
    this.#inbox.push({ at, key, alarm: AlarmName, state: NewStateValue, subject, reason: NewStateReason });
    const open = this.#incidents.find((incident) => incident.alarmArn === AlarmArn && incident.status === 'triggered');
    if (NewStateValue === 'OK' && open !== undefined) open.status = 'resolved';
    if (NewStateValue === 'ALARM' && open === undefined) {
      const description = alarm.AlarmDescription ?? '';
      this.#incidents.push({
        alarm: AlarmName,
        alarmArn: AlarmArn,
        subject,
        description,
        openedAt: at,
        status: 'triggered',
      });
    }
  }
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

async function body(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY) throw new Error('body too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
