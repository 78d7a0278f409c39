import { deployed } from '#drift/names.ts';
import { yamlText } from '../output/yaml-text.ts';
import type { RootModule } from './modules.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/;
const MAX_NAME = 40;
/** Where a module has no variables per environment. */
const ONLY_ENVIRONMENT = 'default';

/** What a first config is made from. */
export interface Repository {
  /** Name of the top folder. */
  readonly name: string;
  /** Address over https; null: there is no remote that has one. */
  readonly url: string | null;
  readonly ref: string;
  readonly modules: readonly RootModule[];
}

/** A first `plumbline.yaml`. It can be checked locally as it is; what the service needs beyond stands in comments. */
export function firstConfig(repository: Repository): string {
  const modules = repository.modules.filter(({ isRemote }) => !isRemote);
  const environments = [...new Set(modules.flatMap(environmentsOf))].sort();
  const taken = new Set<string>();
  return [
    '# What is compared. "plumbline check" compares it here and now, with your own tools and credentials.',
    '# For the service to do it on a schedule, take the "#" away where it says so, and deploy.',
    'version: 1',
    ...sourceLines(repository),
    'environments:',
    ...environments.flatMap((name) => [
      `  ${yamlText(name)}: {}`,
      `  # for the service: { account: "111111111111", region: eu-west-1, role: plumbline-${name} }`,
    ]),
    'targets:',
    ...modules.flatMap((module) =>
      targetLines(module, nameOf(module, repository.name, taken), repository.url !== null),
    ),
    ...repository.modules
      .filter(({ isRemote }) => isRemote)
      .map(({ path }) => `  # ${JSON.stringify(path)} plans in a remote backend, which cannot be checked yet`),
    '# notify:  # for the service: who is told',
    '#   warning: { email: [team@example.com] }',
    '',
  ].join('\n');
}

function environmentsOf({ environments }: RootModule): readonly string[] {
  const named = environments.filter((name) => NAME.test(name));
  return named.length === 0 ? [ONLY_ENVIRONMENT] : named;
}

function sourceLines({ url, ref }: Repository): readonly string[] {
  if (url === null) return ['# sources: { infra: { url: https://…, ref: main } }  # for the service: where git is'];
  return [
    'sources:',
    `  infra: { url: ${JSON.stringify(url)}, ref: ${JSON.stringify(ref)} }`,
    '  # for a private repository: token: { secret: plumbline/git-token }',
  ];
}

function targetLines(module: RootModule, name: string, hasSource: boolean): readonly string[] {
  const environments = environmentsOf(module);
  const varies = module.environments.some((environment) => environments.includes(environment));
  return [
    `  ${yamlText(name)}:`,
    `    in: [${environments.map(yamlText).join(', ')}]`,
    ...(hasSource ? ['    # source: infra  # for the service', '    # schedule: rate(1 hour)'] : []),
    '    terraform:',
    `      path: ${yamlText(module.path)}`,
    ...(varies ? [`      varFiles: ["env/\${environment}.tfvars"]`] : []),
    ...(module.tool === 'tofu' ? ['      tool: tofu'] : []),
  ];
}

/** The folder's name, or more of its path where another target would have the same deployed name. */
function nameOf(module: RootModule, repository: string, taken: Set<string>): string {
  const parts = (module.path === '.' ? repository : module.path)
    .split('/')
    .map(slug)
    .filter((part) => part !== '');
  const whole = parts.join('-') || 'root';
  const numbered = Array.from({ length: 1000 }, (_, index) => `${whole.slice(0, MAX_NAME - 5)}-${index + 2}`);
  const free = [parts.at(-1) ?? whole, whole, ...numbered]
    .map((name) => name.slice(0, MAX_NAME))
    .find((name) => !namesOf(module, name).some((used) => taken.has(used)));
  if (free === undefined) throw new Error(`no free name for ${module.path}`);
  for (const name of namesOf(module, free)) taken.add(name);
  return free;
}

/** The names that a target would have: its key in the file, and what is deployed for it. */
const namesOf = (module: RootModule, name: string): readonly string[] => [
  name,
  ...environmentsOf(module).map((environment) => deployed.schedule(`${environment}/${name}`).toLowerCase()),
];

const slug = (text: string): string => text.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
