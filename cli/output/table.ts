/** Columns as wide as their widest cell; the last one is not padded. */
export function table(rows: readonly (readonly string[])[], style: (row: string, index: number) => string): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows
    .map((row, index) => {
      const cells = row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)));
      return style(cells.join('  '), index);
    })
    .join('\n');
}
