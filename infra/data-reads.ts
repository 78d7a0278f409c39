/**
 * What a read-only policy would let a plan read of people's data, by service. A plan needs configuration; whatever
 * holds data is denied to the role that runs the repository's code (DESIGN §4).
 */
export const DATA_READS: readonly string[] = [
  'athena:GetQueryResults*',
  'cassandra:Select',
  'cloudtrail:GetQueryResults',
  'codecommit:GetBlob',
  'codecommit:GetFile',
  'codecommit:GetFolder',
  'codecommit:GitPull',
  'dax:BatchGetItem',
  'dax:GetItem',
  'dax:Query',
  'dax:Scan',
  'dynamodb:BatchGetItem',
  'dynamodb:GetRecords',
  'dynamodb:PartiQLSelect',
  'dynamodb:Query',
  'dynamodb:Scan',
  'ec2:GetConsoleOutput',
  'ec2:GetConsoleScreenshot',
  'ec2:GetPasswordData',
  'ecr:BatchGetImage',
  'ecr:GetDownloadUrlForLayer',
  'es:ESHttp*',
  'glacier:GetJobOutput',
  'kafka-cluster:ReadData',
  'kinesis:GetRecords',
  'kinesis:SubscribeToShard',
  'kinesisvideo:GetMedia*',
  'lambda:InvokeFunction',
  'logs:FilterLogEvents',
  'logs:GetLogEvents',
  'logs:GetLogRecord',
  'logs:GetQueryResults',
  'logs:StartLiveTail',
  'logs:StartQuery',
  'logs:Unmask',
  'neptune-db:Read*',
  'rds:DownloadCompleteDBLogFile',
  'rds:DownloadDBLogFilePortion',
  'rds-data:*',
  'redshift:GetClusterCredentials*',
  'redshift-data:*',
  's3-object-lambda:GetObject*',
  'secretsmanager:BatchGetSecretValue',
  'secretsmanager:GetSecretValue',
  'sqs:ReceiveMessage',
  'ssm:GetCommandInvocation',
  // Their parameters hold what was handed to nodes: of ours the address of a run's bundle, and the key that opens it.
  'ssm:ListCommand*',
  'states:GetExecutionHistory',
  'timestream:Select*',
  'xray:BatchGetTraces',
];

/** Denied on all parameters but those that AWS publishes for everyone, such as the newest image ids. */
export const PARAMETER_READS: readonly string[] = [
  'ssm:GetParameter',
  'ssm:GetParameterHistory',
  'ssm:GetParameters',
  'ssm:GetParametersByPath',
];

/** Denied on all tables but those that the config names as holding locks. */
export const ITEM_READS: readonly string[] = ['dynamodb:GetItem'];

/** Denied on all objects but the states that the config lists. */
export const OBJECT_READS: readonly string[] = ['s3:GetObject', 's3:GetObjectVersion', 's3:GetObjectTorrent'];
