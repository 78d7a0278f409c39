/** Something that a check needs cannot be had; the message is the report's reason. */
export class NotReady extends Error {
  override readonly name = 'NotReady';
}
