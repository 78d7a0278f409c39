import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketTaggingCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  HeadBucketCommand,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ListQueueTagsCommand,
  SetQueueAttributesCommand,
  TagQueueCommand,
  UntagQueueCommand,
} from '@aws-sdk/client-sqs';
import { fixed, map, required, TAGS, tagList, tagMap, text, unlessGone } from './fields.ts';
import type { ResourceType } from './resource.ts';
import type { Values } from './values.ts';

async function configure(s3: S3Client, name: string, values: Values): Promise<void> {
  const Status = values['versioning'] === true ? 'Enabled' : 'Suspended';
  await s3.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: { Status } }));
  const TagSet = tagList(values).map((tag) => ({ Key: tag.Key ?? '', Value: tag.Value ?? '' }));
  if (TagSet.length === 0) await s3.send(new DeleteBucketTaggingCommand({ Bucket: name }));
  else await s3.send(new PutBucketTaggingCommand({ Bucket: name, Tagging: { TagSet } }));
}

export const bucket: ResourceType = {
  attributes: { name: fixed(), versioning: required('bool'), tags: TAGS },
  async read(id, { s3 }) {
    if ((await unlessGone(() => s3.send(new HeadBucketCommand({ Bucket: id })))) === null) return null;
    const versioning = await s3.send(new GetBucketVersioningCommand({ Bucket: id }));
    const tags = await unlessGone(() => s3.send(new GetBucketTaggingCommand({ Bucket: id })));
    return { name: id, versioning: versioning.Status === 'Enabled', tags: tagMap(tags?.TagSet) };
  },
  async create(values, { s3 }) {
    const name = text(values, 'name');
    await s3.send(new CreateBucketCommand({ Bucket: name }));
    await configure(s3, name, values);
    return name;
  },
  update: (id, _before, after, { s3 }) => configure(s3, id, after),
  async delete(id, { s3 }) {
    await s3.send(new DeleteBucketCommand({ Bucket: id }));
  },
};

const queueAttributes = (values: Values): Record<string, string> => ({
  VisibilityTimeout: String(values['visibility_seconds']),
  MessageRetentionPeriod: String(values['retention_seconds']),
});

export const queue: ResourceType = {
  attributes: {
    name: fixed(),
    visibility_seconds: required('number'),
    retention_seconds: required('number'),
    tags: TAGS,
  },
  async read(id, { sqs }) {
    const found = await unlessGone(() =>
      sqs.send(new GetQueueAttributesCommand({ QueueUrl: id, AttributeNames: ['All'] })),
    );
    if (found === null) return null;
    const tags = await sqs.send(new ListQueueTagsCommand({ QueueUrl: id }));
    return {
      name: id.slice(id.lastIndexOf('/') + 1),
      visibility_seconds: Number(found.Attributes?.['VisibilityTimeout']),
      retention_seconds: Number(found.Attributes?.['MessageRetentionPeriod']),
      tags: tags.Tags ?? {},
    };
  },
  async create(values, { sqs }) {
    const made = await sqs.send(
      new CreateQueueCommand({
        QueueName: text(values, 'name'),
        Attributes: queueAttributes(values),
        tags: map(values, 'tags'),
      }),
    );
    return made.QueueUrl ?? '';
  },
  async update(id, before, after, { sqs }) {
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: id, Attributes: queueAttributes(after) }));
    const gone = Object.keys(map(before, 'tags')).filter((key) => !(key in map(after, 'tags')));
    if (gone.length > 0) await sqs.send(new UntagQueueCommand({ QueueUrl: id, TagKeys: gone }));
    if (Object.keys(map(after, 'tags')).length > 0)
      await sqs.send(new TagQueueCommand({ QueueUrl: id, Tags: map(after, 'tags') }));
  },
  async delete(id, { sqs }) {
    await sqs.send(new DeleteQueueCommand({ QueueUrl: id }));
  },
};
