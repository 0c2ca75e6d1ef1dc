import type { Edit, FlowLeg, FlowStage, FlowView, Place } from "../api/client";
import { keyOf } from "./mapping";

/** What can be chosen in a drawing: the flow itself (no place), a stage, a leg, a target, a rule. */
export type Chosen = Place;

/** Something to be drawn. `of` is the place that choosing it chooses. */
export type Drawn =
  | { kind: "source"; id: string; stage: string; of: Place; entity: string }
  | { kind: "leg"; id: string; stage: string; of: Place; leg: FlowLeg; at: number }
  | { kind: "target"; id: string; stage: string; of: Place; leg: FlowLeg; at: number }
  | { kind: "books"; id: string; stage: string; of: Place; ledgers: string[] };

/** A line of the drawing; `after`: one waits for the other, nothing flows. */
export type Line = { id: string; from: string; to: string; after: boolean };

/** A stage with what is drawn in it. */
export type Group = { id: string; stage: FlowStage; parts: Drawn[]; lines: Line[] };

/** A flow as groups, and the lines between them. */
export type Drawing = { groups: Group[]; between: Line[] };

/** What a flow is drawn of. */
export function drawingOf(flow: Pick<FlowView, "stages">): Drawing {
  const legs = new Map(flow.stages.flatMap((stage) => stage.legs.map((leg) => [leg.name, legId(leg)] as const)));
  // a leg with several targets is named by each of them too: `fee_gp`
  for (const leg of flow.stages.flatMap((stage) => stage.legs)) {
    for (const target of leg.targets) if (!legs.has(target.leg)) legs.set(target.leg, legId(leg));
  }
  const between: Line[] = [];
  const groups = flow.stages.map((stage) => groupOf(stage, legs, between));
  return { groups, between };
}

function groupOf(stage: FlowStage, legs: Map<string, string>, between: Line[]): Group {
  const parts: Drawn[] = [];
  const lines: Line[] = [];
  const own = new Set(stage.legs.map(legId));
  const sources = new Map<string, string>();
  for (const leg of stage.legs) {
    const id = legId(leg);
    for (const entity of leg.sources) {
      const from = `from:${stage.name}:${entity}`;
      // legs of a stage that take the same entity share one reading
      if (!sources.has(from)) parts.push({ kind: "source", id: from, stage: stage.name, of: stage.location, entity });
      sources.set(from, entity);
      lines.push({ id: `${from}>${id}`, from, to: id, after: false });
    }
    parts.push({ kind: "leg", id, stage: stage.name, of: leg.location, leg, at: 0 });
    leg.targets.forEach((target, at) => {
      const to = targetId(leg, at);
      parts.push({ kind: "target", id: to, stage: stage.name, of: target.location, leg, at });
      lines.push({ id: `${id}>${to}`, from: id, to, after: false });
    });
    for (const other of leg.after) {
      const from = legs.get(other);
      if (from === undefined || from === id) continue;
      const line = { id: `${from}>>${id}`, from, to: id, after: true };
      const list = own.has(from) ? lines : between;
      if (!list.some((each) => each.id === line.id)) list.push(line);
    }
  }
  if (stage.reconcile.length > 0) {
    parts.push({ kind: "books", id: `books:${stage.name}`, stage: stage.name, of: stage.location, ledgers: stage.reconcile });
  }
  return { id: stageId(stage), stage, parts, lines };
}

export function stageId(stage: FlowStage): string {
  return `stage:${stage.name}`;
}

export function legId(leg: FlowLeg): string {
  return `leg:${leg.name}`;
}

export function targetId(leg: FlowLeg, at: number): string {
  return `to:${leg.name}:${at}`;
}

/** What a place is of, as far as the drawing knows it. */
export type Found =
  | { kind: "flow" }
  | { kind: "stage"; stage: FlowStage }
  | { kind: "leg"; stage: FlowStage; leg: FlowLeg }
  | { kind: "target"; stage: FlowStage; leg: FlowLeg; at: number };

/** What stands at a place; the flow where nothing does any more. */
export function foundAt(flow: FlowView, place: Place): Found {
  const stage = flow.stages.find((each) => each.name === place[1]);
  if (place.length < 2 || stage === undefined) return { kind: "flow" };
  const leg = stage.legs.find((each) => each.name === place[3]);
  if (place.length < 4 || leg === undefined) return { kind: "stage", stage };
  const at = leg.targets.findIndex((each) => keyOf(each.location) === keyOf(place));
  // a leg with one target is its target's place too
  return at >= 0 && leg.kind !== "one" ? { kind: "target", stage, leg, at } : { kind: "leg", stage, leg };
}

/** Whether a place is another one or lies in it. */
export function isWithin(place: Place, outer: Place): boolean {
  return outer.length <= place.length && outer.every((step, at) => place[at] === step);
}

/** What is wrong at a place, or within it. */
export function problemsAt(flow: FlowView, place: Place) {
  return flow.problems.filter((each) => isWithin(each.at, place));
}

/** A name that is not taken: `order`, `order_2`, `order_3`. */
export function freeName(wanted: string, taken: Iterable<string>): string {
  const known = new Set(taken);
  if (!known.has(wanted)) return wanted;
  const stem = wanted.replace(/_\d+$/, "");
  for (let number = 2; ; number += 1) if (!known.has(`${stem}_${number}`)) return `${stem}_${number}`;
}

/** Every leg's name. */
export function legNames(flow: FlowView): string[] {
  return flow.stages.flatMap((stage) => stage.legs.map((leg) => leg.name));
}

/** A value at a place, or nothing where it is blank. */
export function putOrTake(location: Place, value: string | string[] | boolean, was: boolean): Edit[] {
  const blank = value === "" || value === false || (Array.isArray(value) && value.length === 0);
  if (blank) return was ? [{ do: "take_away", location }] : [];
  return [{ do: "put", location, value: valueOf(value) }];
}

function valueOf(value: string | string[] | boolean) {
  return typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
}
