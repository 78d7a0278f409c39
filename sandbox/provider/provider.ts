import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServiceClientConstructor,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { instance, loadBalancer } from './compute.ts';
import { routeTable, securityGroup, subnet, vpc } from './network.ts';
import { attributesOf, type Clients, plan, type ResourceType, shape } from './resource.ts';
import { bucket, queue } from './storage.ts';
import { pack, unpack, type Values } from './values.ts';

const TYPES: Readonly<Record<string, ResourceType>> = {
  cloud_vpc: vpc,
  cloud_subnet: subnet,
  cloud_security_group: securityGroup,
  cloud_route_table: routeTable,
  cloud_instance: instance,
  cloud_load_balancer: loadBalancer,
  cloud_bucket: bucket,
  cloud_queue: queue,
};

/** go-plugin's proof that terraform started us, and not a person. */
const COOKIE = 'd602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2';
const GONE_MS = 1000;

interface Packed {
  readonly msgpack: Uint8Array;
}
interface Request {
  readonly type_name: string;
  readonly id: string;
  readonly config: Packed;
  readonly current_state: Packed;
  readonly prior_state: Packed;
  readonly proposed_new_state: Packed;
  readonly planned_state: Packed;
  readonly raw_state: { readonly json: Uint8Array };
}

const wrap = (value: Values | null): Packed => ({ msgpack: pack(value) });
const values = (packed: Packed | null): Values | null =>
  packed === null || packed.msgpack.length === 0 ? null : (unpack(packed.msgpack) as Values | null);
const problem = (error: unknown) => [
  {
    severity: 'ERROR',
    summary: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    detail: '',
  },
];

function typeOf(name: string): ResourceType {
  const type = TYPES[name];
  if (type === undefined) throw new Error(`there is no resource type ${name}`);
  return type;
}

function schemaOf(type: ResourceType) {
  const attributes = Object.entries(attributesOf(type)).map(([name, attribute]) => ({
    name,
    type: Buffer.from(JSON.stringify(attribute.type)),
    [attribute.mode]: true,
  }));
  return { version: 0, block: { version: 0, attributes } };
}

let known: Clients | null = null;
function clients(): Clients {
  known ??= { ec2: new EC2Client(), elb: new ElasticLoadBalancingV2Client(), s3: new S3Client(), sqs: new SQSClient() };
  return known;
}

type Handler = (request: Request) => Promise<object>;

const HANDLERS: Readonly<Record<string, Handler>> = {
  GetSchema: async () => ({
    provider: { version: 0, block: { version: 0, attributes: [] } },
    resource_schemas: Object.fromEntries(Object.entries(TYPES).map(([name, type]) => [name, schemaOf(type)])),
    data_source_schemas: {},
  }),
  PrepareProviderConfig: async ({ config }) => ({ prepared_config: config }),
  ValidateResourceTypeConfig: async () => ({}),
  Configure: async () => ({}),
  UpgradeResourceState: async ({ raw_state }) => ({
    upgraded_state: wrap(JSON.parse(Buffer.from(raw_state.json).toString('utf8')) as Values),
  }),
  ReadResource: async ({ type_name, current_state }) => {
    const type = typeOf(type_name);
    const state = values(current_state);
    if (state === null) return { new_state: wrap(null) };
    const found = await type.read(String(state['id']), clients());
    return { new_state: wrap(found === null ? null : shape(type, String(state['id']), found, state)) };
  },
  PlanResourceChange: async ({ type_name, prior_state, proposed_new_state }) => {
    const proposed = values(proposed_new_state);
    if (proposed === null) return { planned_state: wrap(null) };
    const { planned, replace } = plan(typeOf(type_name), values(prior_state), proposed);
    return {
      planned_state: wrap(planned),
      requires_replace: replace.map((name) => ({ steps: [{ attribute_name: name }] })),
    };
  },
  ApplyResourceChange: async ({ type_name, prior_state, planned_state }) => {
    const type = typeOf(type_name);
    const [prior, planned] = [values(prior_state), values(planned_state)];
    if (planned === null) {
      await type.delete(String(prior?.['id']), clients());
      return { new_state: wrap(null) };
    }
    const id = prior === null ? await type.create(planned, clients()) : String(prior['id']);
    if (prior !== null) await type.update(id, prior, planned, clients());
    const found = await type.read(id, clients());
    if (found === null) throw new Error(`${type_name} ${id} was made and is not there`);
    return { new_state: wrap(shape(type, id, found, planned)) };
  },
  ImportResourceState: async ({ type_name, id }) => {
    const type = typeOf(type_name);
    const found = await type.read(id, clients());
    if (found === null) throw new Error(`there is no ${type_name} ${id}`);
    return { imported_resources: [{ type_name, state: wrap(shape(type, id, found, null)) }] };
  },
  Stop: async () => ({}),
};

function service(file: string, pkg: string, name: string) {
  const definition = loadSync(new URL(file, import.meta.url).pathname, {
    keepCase: true,
    enums: String,
    defaults: true,
    longs: Number,
  });
  const loaded = loadPackageDefinition(definition)[pkg] as Readonly<Record<string, ServiceClientConstructor>>;
  const found = loaded[name];
  if (found === undefined) throw new Error(`${file} has no ${name}`);
  return found.service;
}

/** Errors are diagnostics, not failures of the connection: terraform shows them to a person. */
function implement(handlers: Readonly<Record<string, Handler>>): UntypedServiceImplementation {
  return Object.fromEntries(
    Object.entries(handlers).map(([name, handler]) => [
      name,
      (call: { request: Request }, done: (error: null, answer: object) => void) => {
        handler(call.request).then(
          (answer) => done(null, answer),
          (error: unknown) => done(null, { diagnostics: problem(error) }),
        );
      },
    ]),
  );
}

function main(): void {
  if (process.env['TF_PLUGIN_MAGIC_COOKIE'] !== COOKIE) {
    console.error('This is a plugin of terraform; it is started by terraform.');
    process.exit(1);
  }
  const server = new Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
  server.addService(service('plugin.proto', 'tfplugin5', 'Provider'), implement(HANDLERS));
  server.addService(
    service('controller.proto', 'plugin', 'GRPCController'),
    implement({
      Shutdown: async () => {
        setImmediate(() => process.exit(0));
        return {};
      },
    }),
  );
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
    if (error !== null) throw error;
    console.log(`1|5|tcp|127.0.0.1:${port}|grpc`);
  });
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.exit(0);
  }, GONE_MS).unref();
}

main();
