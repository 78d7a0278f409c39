/** The console's page of a log group. Its path is encoded twice, with `$` for `%`. */
export function logGroupLink(region: string, group: string): string {
  const path = encodeURIComponent(encodeURIComponent(group)).replaceAll('%', '$');
  return `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#logsV2:log-groups/log-group/${path}`;
}

/** The console's page of an object. Region and bucket may be tokens. */
export function objectLink(place: { readonly region: string; readonly bucket: string }, key: string): string {
  const { region, bucket } = place;
  return `https://${region}.console.aws.amazon.com/s3/object/${bucket}?region=${region}&prefix=${encodeURI(key)}`;
}

/** The console's page of a dashboard. */
export function dashboardLink(region: string, dashboard: string): string {
  return `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#dashboards/dashboard/${dashboard}`;
}
