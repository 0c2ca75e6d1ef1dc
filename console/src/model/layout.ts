import type { ELK as Layouter, ElkNode } from "elkjs/lib/elk-api";

import type { Drawn, Group } from "./flow";

export type Box = { x: number; y: number; width: number; height: number };

/** Where everything of a group lies, within it, and how large it is. */
export type Laid = { boxes: Map<string, Box>; width: number; height: number };

const HEAD = 56;
const OPTIONS = {
  "elk.algorithm": "layered",
  "elk.direction": "RIGHT",
  "elk.spacing.nodeNode": "18",
  "elk.layered.spacing.nodeNodeBetweenLayers": "56",
  "elk.layered.considerModelOrder.strategy": "NODES_AND_EDGES",
  "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
  "elk.padding": `[top=${HEAD},left=20,bottom=20,right=20]`,
};

/** How large a part is drawn. */
export function sizeOf(part: Drawn): { width: number; height: number } {
  if (part.kind === "leg") return { width: 190, height: 62 };
  if (part.kind === "target") return { width: 220, height: 62 };
  return { width: 220, height: 48 };
}

let layouter: Promise<Layouter> | null = null;

/** elkjs, in a thread of its own; loaded when something is drawn first. */
function loaded(): Promise<Layouter> {
  layouter ??= Promise.all([import("elkjs/lib/elk-api"), import("elkjs/lib/elk-worker.min.js?worker")]).then(
    ([{ default: Elk }, { default: Thread }]) => new Elk({ workerFactory: () => new Thread() }),
  );
  return layouter;
}

const known = new Map<string, Promise<Laid>>();

/** Lay a group out from left to right; one that was laid out before is not again. */
export function laidOut(group: Group): Promise<Laid> {
  const key = JSON.stringify([group.parts.map((each) => each.id), group.lines.map((each) => [each.from, each.to])]);
  let found = known.get(key);
  if (found === undefined) {
    found = layOut(group);
    known.set(key, found);
  }
  return found;
}

async function layOut(group: Group): Promise<Laid> {
  const elk = await loaded();
  const graph: ElkNode = {
    id: group.id,
    layoutOptions: OPTIONS,
    children: group.parts.map((part) => ({ id: part.id, ...sizeOf(part) })),
    edges: group.lines.map((line) => ({ id: line.id, sources: [line.from], targets: [line.to] })),
  };
  const { children = [], width = 0, height = 0 } = await elk.layout(graph);
  const boxes = new Map(
    children.map((each) => [each.id, { x: each.x ?? 0, y: each.y ?? 0, width: each.width ?? 0, height: each.height ?? 0 }]),
  );
  return { boxes, width: Math.max(width, 320), height: Math.max(height, HEAD + 44) };
}
