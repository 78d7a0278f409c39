import { isList, isObject, type Json } from '../json.ts';

/** The addresses and ports of an `Endpoints` object, however they are packed into subsets. */
export function endpointsOf(subsets: Json | undefined): readonly string[] {
  const all = new Set<string>();
  for (const subset of isList(subsets) ? subsets : []) {
    if (!isObject(subset)) continue;
    const ports = isList(subset['ports']) ? subset['ports'] : [];
    for (const readiness of ['addresses', 'notReadyAddresses']) {
      const addresses = subset[readiness];
      for (const address of isList(addresses) ? addresses : []) {
        for (const port of ports.length > 0 ? ports : [{}]) all.add(endpointText(readiness, address, port));
      }
    }
  }
  return [...all].sort();
}

function endpointText(readiness: string, address: Json, port: Json): string {
  const of = isObject(port) ? port : {};
  return JSON.stringify([
    readiness,
    address,
    of['name'] ?? '',
    of['port'] ?? null,
    of['protocol'] ?? 'TCP',
    of['appProtocol'] ?? '',
  ]);
}
