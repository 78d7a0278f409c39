// Run inside a build of the sandbox's tests: writes to its own inbox, and tries somebody else's.
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';

const [Bucket] = process.argv.slice(2);
const { UserId } = await new STSClient().send(new GetCallerIdentityCommand({}));
const put = async (name, Key) => {
  const answer = await new S3Client()
    .send(new PutObjectCommand({ Bucket, Key, Body: '{}', IfNoneMatch: '*' }))
    .then((done) => done.$metadata.httpStatusCode)
    .catch((error) => error.name);
  console.log(`${name}: ${answer}`);
};
await put('own', `inbox/${UserId}/report.json`);
await put('other', 'inbox/AROASOMEBODY:AWSCodeBuild-else/report.json');
