/** A node as an inventory has it. */
export interface InventoryNode {
  readonly name: string;
  readonly groups: readonly string[];
  /** Null: not known, which no play needs as long as each node looks at itself. */
  readonly address: string | null;
}

/** An Ansible inventory of all nodes, with their groups: YAML, of which JSON is a part. */
export function inventoryOf(nodes: readonly InventoryNode[]): string {
  const hosts = nodes.map(({ name, address }) => [name, address === null ? {} : { ansible_host: address }] as const);
  const groups = [...new Set(nodes.flatMap((node) => node.groups))].toSorted();
  const children = groups.map((group) => {
    const members = nodes.filter((node) => node.groups.includes(group)).map(({ name }) => [name, {}] as const);
    return [group, { hosts: Object.fromEntries(members) }] as const;
  });
  return `${JSON.stringify({ all: { hosts: Object.fromEntries(hosts), children: Object.fromEntries(children) } }, null, 1)}\n`;
}
