import { BatchGetBuildsCommand, CodeBuildClient, StartBuildCommand } from '@aws-sdk/client-codebuild';
import type { BuildRequest, BuildState, Builds } from '../ports.ts';
import { isNamed } from './errors.ts';

/**
 * The account's build quota, or the API's own rate. The first is a client fault, so the SDK does not retry it
 * (https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html).
 */
const NO_ROOM = ['AccountLimitExceededException', 'ThrottlingException', 'TooManyRequestsException'];

/** Builds in CodeBuild, by ARN. */
export class CodeBuild implements Builds {
  readonly #client: CodeBuildClient;

  constructor(client: CodeBuildClient = new CodeBuildClient({})) {
    this.#client = client;
  }

  async start(request: BuildRequest): Promise<{ readonly build: string } | { readonly throttled: string }> {
    const variables = Object.entries(request.environment);
    const command = new StartBuildCommand({
      projectName: request.project,
      idempotencyToken: request.token,
      timeoutInMinutesOverride: request.timeoutMinutes,
      environmentVariablesOverride: variables.map(([name, value]) => ({ name, value, type: 'PLAINTEXT' })),
    });
    try {
      const { build } = await this.#client.send(command);
      if (build?.arn === undefined) throw new Error(`StartBuild of ${request.project} answered without a build`);
      return { build: build.arn };
    } catch (error) {
      if (!isNamed(error, ...NO_ROOM) || !(error instanceof Error)) throw error;
      return { throttled: `CodeBuild has no room for ${request.project}: ${error.message}` };
    }
  }

  async describe(build: string): Promise<BuildState | null> {
    const { builds } = await this.#client.send(new BatchGetBuildsCommand({ ids: [build] }));
    const found = builds?.find((candidate) => candidate.arn === build || candidate.id === build);
    if (found === undefined) return null;
    return {
      ended: found.buildComplete === true,
      status: found.buildStatus ?? 'UNKNOWN',
      log: found.logs?.deepLink ?? null,
    };
  }
}
