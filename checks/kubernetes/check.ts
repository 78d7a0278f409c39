import type { Report } from '#drift/report.ts';
import { unknownReport } from '#drift/state/conclude.ts';
import type { KubernetesCheckRequest } from './request.ts';

/** Compares nothing yet, and says so: could not look is never in sync. */
export async function checkKubernetes({ target, run, now }: KubernetesCheckRequest): Promise<Report> {
  const at = now().toISOString();
  return unknownReport(
    {
      ...{ schema: 'plumbline.run/1', target: target.name, layer: target.layer, requestedAt: at, deadline: at },
      ...{ runId: run.runId, trigger: run.trigger, commit: run.commit, config: run.config },
    },
    'this version of Plumbline compares no Kubernetes objects yet',
    now(),
  );
}
