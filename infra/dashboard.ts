import { CfnOutput, Duration } from 'aws-cdk-lib';
import {
  Dashboard as CloudWatchDashboard,
  CustomWidget,
  GraphWidget,
  MathExpression,
  PeriodOverride,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { dashboardLink } from '#drift/console.ts';
import { deployed, FUNCTION_ENV, METRICS, SWEEP_SECONDS } from '#drift/names.ts';
import type { Results } from './results.ts';
import { ServiceFunction } from './service-function.ts';

export interface DashboardProps {
  readonly region: string;
  /** Folder of the function's code. */
  readonly code: string;
  readonly results: Results;
}

/** The console's grid. */
const FULL_WIDTH = 24;
const TABLE_HEIGHT = 18;
const GRAPH_HEIGHT = 7;
/** Lines of a graph that can still be told apart; CloudWatch shows 500 at most. */
const MAX_LINES = 20;

/** What people see in the console: how the targets stand, and how they stood. It reads, and starts nothing itself. */
export class Dashboard extends Construct {
  constructor(scope: Construct, id: string, { region, code, results }: DashboardProps) {
    super(scope, id);
    const widget = new ServiceFunction(this, 'Widget', {
      name: 'widget',
      description: 'Plumbline: shows how the targets stand, for the dashboard and for plumbline status',
      code,
      // As many states side by side as a sweep reads.
      memoryMb: 1024,
      timeout: Duration.seconds(30),
      environment: { [FUNCTION_ENV.bucket]: results.bucket.bucketName },
    });
    results.grantKnowAbsence(widget.role);
    results.grantRead(widget.role, 'state/*.json', 'queue/*.json');
    const dashboardName = deployed.dashboard(region);
    new CloudWatchDashboard(this, 'Dashboard', {
      dashboardName,
      defaultInterval: Duration.days(7),
      periodOverride: PeriodOverride.INHERIT,
      widgets: [
        [
          new CustomWidget({
            title: 'Targets',
            functionArn: widget.function.functionArn,
            width: FULL_WIDTH,
            height: TABLE_HEIGHT,
            // It looks the same at any size and for any time.
            updateOnResize: false,
            updateOnTimeRangeChange: false,
          }),
        ],
        [
          history('Open findings that page: the targets with the most', METRICS.drift),
          history('Not seen (1: failed or incomplete, 2: stale): the targets with the worst', METRICS.unknown),
        ],
      ],
    });
    new CfnOutput(this, 'Link', { value: dashboardLink(region, dashboardName) }).overrideLogicalId('DashboardLink');
    new CfnOutput(this, 'Function', { value: widget.function.functionName }).overrideLogicalId('WidgetFunction');
  }
}

/** A metric of all targets, however many there are and whenever they came: it is searched for when it is shown. */
function history(title: string, metric: string): GraphWidget {
  const { namespace, dimension } = METRICS;
  const search = `SEARCH('{${namespace},${dimension}} MetricName="${metric}"', 'Maximum', ${SWEEP_SECONDS})`;
  return new GraphWidget({
    title,
    width: FULL_WIDTH / 2,
    height: GRAPH_HEIGHT,
    leftYAxis: { min: 0, showUnits: false },
    left: [
      new MathExpression({
        expression: `SORT(${search}, MAX, DESC, ${MAX_LINES})`,
        label: `\${PROP('Dim.${dimension}')}`,
        period: Duration.seconds(SWEEP_SECONDS),
        usingMetrics: {},
      }),
    ],
  });
}
