import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import middy from '@middy/core';
import * as z from 'zod';
import { type OverviewWorld, overview } from '#checks/people/overview.ts';
import { objectLink } from '#drift/console.ts';
import { FUNCTION_ENV, keys } from '#drift/names.ts';
import type { Status } from '#drift/overview.ts';
import { choicesOf } from '#drift/widget/view.ts';
import { DESCRIPTION, renderWidget } from '#drift/widget/widget.ts';
import { S3Store } from '#services/aws/s3-store.ts';
import { deployedConfig, logger, parseEvent, variable } from './setup.ts';

const bucket = variable(FUNCTION_ENV.bucket);
const place = { region: variable('AWS_REGION'), bucket };
const world: OverviewWorld = {
  config: deployedConfig(),
  store: new S3Store(bucket),
  linkTo: (target) => objectLink(place, keys.statePage(target)),
  now: () => new Date(),
  log: logger,
};

/**
 * What the console sends, as far as it is read:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_about.html
 */
const eventSchema = z.looseObject({
  describe: z.boolean().optional(),
  format: z.literal('json').optional(),
  targets: z.array(z.string().max(200)).max(2000).optional(),
  widgetContext: z
    .object({
      theme: z.enum(['light', 'dark']).catch('light'),
      forms: z.object({ all: z.record(z.string(), z.unknown()) }).catch({ all: {} }),
    })
    .optional(),
});

/**
 * How the targets stand: HTML for the console's dashboard, or with `{ format: 'json' }` as `plumbline status` reads it.
 * It reads, and does nothing else, however often a dashboard calls it.
 */
export const handler = middy<unknown, string | Status | { readonly markdown: string }>()
  .use(injectLambdaContext(logger, { resetKeys: true }))
  .onError(({ error }) => {
    logger.error('failed', error ?? 'without an error');
  })
  .handler(async (event, { invokedFunctionArn: self }) => {
    const { describe, format, targets, widgetContext, ...parameters } = parseEvent(eventSchema, event);
    if (describe === true) return { markdown: DESCRIPTION };
    const status = await overview(targets ?? null, world);
    logger.info('answered', { targets: status.targets.length, format: format ?? 'html' });
    if (format === 'json') return status;
    const choices = choicesOf(parameters, widgetContext?.forms.all ?? {});
    return renderWidget({ status, choices, theme: widgetContext?.theme ?? 'light', self });
  });
