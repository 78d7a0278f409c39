/** A step of a check that ended badly; the message is the report's reason. */
export class StepFailure extends Error {
  override readonly name = 'StepFailure';
  readonly step: string;

  constructor(step: string, reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.step = step;
  }
}
