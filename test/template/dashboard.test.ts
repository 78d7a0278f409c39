import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { deployed, METRICS } from '#drift/names.ts';
import { statementsOf } from './statements.ts';
import { deployment, resourcesOf } from './synth.ts';

const made = deployment();
const resources = resourcesOf(made);
const [dashboard, ...others] = resources.filter(({ type }) => type === 'AWS::CloudWatch::Dashboard');
const widgetId = resources.find(({ properties }) => properties.FunctionName === deployed.function('widget'))?.id ?? '';

interface Widget {
  readonly type: string;
  readonly width: number;
  readonly properties: {
    readonly endpoint?: string;
    readonly updateOn?: unknown;
    readonly metrics?: readonly [{ readonly expression: string; readonly label: string }][];
  };
}

/** The body as CloudWatch gets it: the ARN of our function becomes its logical id. */
function widgets(): readonly Widget[] {
  const [, parts] = dashboard?.properties.DashboardBody['Fn::Join'] ?? [];
  const text = (part: string | { readonly Ref: string } | { readonly 'Fn::GetAtt': readonly string[] }): string => {
    if (typeof part === 'string') return part;
    return 'Ref' in part ? part.Ref : part['Fn::GetAtt'].join('.');
  };
  return JSON.parse(parts.map(text).join('')).widgets;
}

describe('the dashboard', () => {
  test('is one, with the region in its name: dashboards are those of the whole account', () => {
    expect(others).toEqual([]);
    expect(dashboard?.properties.DashboardName).toBe('plumbline-eu-west-1');
  });

  test('asks our function for the table, and names no other', () => {
    const custom = widgets().filter(({ type }) => type === 'custom');
    expect(custom.map(({ properties, width }) => [properties.endpoint, width])).toEqual([[`${widgetId}.Arn`, 24]]);
    expect(custom[0]?.properties.updateOn).toEqual({ refresh: true, resize: false, timeRange: false });
  });

  test('shows the history of both metrics, of all targets that there are, as few lines', () => {
    const shown = widgets().filter(({ type }) => type === 'metric');
    const expressions = shown.flatMap(({ properties }) => properties.metrics?.map(([{ expression }]) => expression));
    expect(expressions).toEqual(
      [METRICS.drift, METRICS.unknown].map(
        (metric) => `SORT(SEARCH('{Plumbline,Target} MetricName="${metric}"', 'Maximum', 300), MAX, DESC, 20)`,
      ),
    );
  });

  test('is linked by an output', () => {
    const { Outputs } = Template.fromStack(made.core).toJSON();
    expect(Outputs.DashboardLink.Value).toBe(
      'https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard/plumbline-eu-west-1',
    );
    expect(Outputs.WidgetFunction.Value).toEqual({ Ref: widgetId });
  });
});

test('the function that shows may read states and queues, write its log, and nothing else', () => {
  const actions = statementsOf('DashboardWidgetRole', resources).flatMap(({ Effect, Action }) => {
    expect(Effect).toBe('Allow');
    return Action;
  });
  expect(actions.sort()).toEqual(['logs:CreateLogStream', 'logs:PutLogEvents', 's3:GetObject', 's3:ListBucket']);
});

test('nobody but people and their console may call it: no address, no permission', () => {
  const lets = resources.filter(({ type }) => type === 'AWS::Lambda::Permission' || type === 'AWS::Lambda::Url');
  expect(lets.length).toBeGreaterThan(2);
  expect(lets.filter(({ properties }) => JSON.stringify(properties).includes(widgetId))).toEqual([]);
});
