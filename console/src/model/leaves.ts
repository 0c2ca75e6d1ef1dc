/** One value inside a kept record, at the path a correction names it by. */
export type Leaf = { path: string; value: string | number | boolean | null };

/** The values of a record in its order, `raw.lineItems.0.sku`. */
export function leavesOf(kept: unknown, path: string): Leaf[] {
  if (kept !== null && typeof kept === "object") {
    return Object.entries(kept).flatMap(([name, each]) => leavesOf(each, `${path}.${name}`));
  }
  return [{ path, value: kept as Leaf["value"] }];
}
