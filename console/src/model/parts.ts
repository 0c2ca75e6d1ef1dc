import type { Edit, FlowLeg, FlowStage, FlowView, Palette, Place } from "../api/client";
import { freeName, legNames } from "./flow";

/** What is to be added to a flow, as far as it is known; a form asks for the rest. */
export type Wanted =
  | { kind: "stage" }
  | { kind: "leg"; stage: string | null; source: string; target: string }
  | { kind: "target"; leg: FlowLeg; target: string }
  | { kind: "rule"; leg: FlowLeg; rule: string };

/** What is dragged from the palette. */
export type Dragged = { kind: "entity" | "rule" | "gate"; name: string } | { kind: "stage" | "leg" };

export const DRAGGED = "application/x-ledgerbridge";

/** A file that is to begin together with what is added. */
export type Beginning = { kind: "mappings" | "expectations"; name: string; reads: string; writes: string };

/** What a leg's way is made of: files that are there, and those that have to begin. */
export type Way = { conform: string; map: string; gate: string; begin: Beginning[] };

/** The mappings and the gate from a source over a canonical record to a target, new ones where there are none yet. */
export function wayOf(flow: FlowView, palette: Palette, source: string, canonical: string, target: string): Way {
  const begin: Beginning[] = [];
  const mapping = (reads: string, writes: string) => {
    const there = palette.mappings.find((each) => each.reads === reads && each.writes === writes);
    if (there) return there.name;
    const stem = (entity: string) => (entity.startsWith("canonical.") ? entity.slice("canonical.".length) : entity.replace(".", "_"));
    const name = freeName(`${stem(reads)}_to_${stem(writes)}`, palette.mappings.map((each) => each.name));
    begin.push({ kind: "mappings", name, reads, writes });
    return name;
  };
  const conform = mapping(source, canonical);
  const map = mapping(canonical, target);
  let gate = palette.suites.find((each) => each.entities.includes(target))?.name;
  if (gate === undefined) {
    gate = freeName(`${flow.name}_${target.replace(".", "_")}`, palette.suites.map((each) => each.name));
    const own = palette.suites.find((each) => each.name === `${flow.name}_${target.replace(".", "_")}`);
    if (own) gate = own.name;
    else begin.push({ kind: "expectations", name: gate, reads: "", writes: target });
  }
  return { conform, map, gate, begin };
}

/** The canonical record that is likeliest between two entities. */
export function canonicalFor(palette: Palette, source: string, target: string): string {
  const reads = palette.mappings.filter((each) => each.reads === source).map((each) => each.writes);
  const writes = palette.mappings.filter((each) => each.writes === target).map((each) => each.reads);
  const named = [source, target].flatMap((each) => [`canonical.${each.split(".")[1]}`, `canonical.sales_${each.split(".")[1]}`]);
  return (
    reads.find((each) => writes.includes(each)) ??
    named.find((each) => palette.canonical.includes(each)) ??
    writes[0] ?? reads.find((each) => each.startsWith("canonical.")) ?? palette.canonical[0] ?? ""
  );
}

/** A new leg as the file has it, in the order people write it. */
export function legEdits(stage: string, name: string, source: string, target: string, way: Way): Edit[] {
  const value = { from: source, conform: way.conform, map: way.map, gate: way.gate, to: target };
  return [{ do: "put", location: ["stages", stage, "legs", name], value }];
}

/** Another target of a leg; the first one becomes an item of a list. */
export function targetEdits(leg: FlowLeg, entity: string, map: string, gate: string): Edit[] {
  const added = { entity, map, gate };
  if (leg.kind === "several") return [{ do: "put", location: [...leg.location, "to", leg.targets.length], value: added }];
  const first = leg.targets[0];
  if (first === undefined) {
    return [
      { do: "put", location: [...leg.location, "map"], value: map },
      { do: "put", location: [...leg.location, "gate"], value: gate },
      { do: "put", location: [...leg.location, "to"], value: entity },
    ];
  }
  const own = (["map", "gate", "pool", "match"] as const).filter((key) => first[key] !== "");
  const was = { entity: first.entity, ...Object.fromEntries(own.map((key) => [key, first[key]])) };
  return [
    { do: "put", location: [...leg.location, "to"], value: [was, added] },
    ...own.map((key): Edit => ({ do: "take_away", location: [...leg.location, key] })),
  ];
}

/** What takes a place away, and what others say of it. */
export function removal(flow: FlowView, place: Place): Edit[] {
  const edits: Edit[] = [];
  const legs = flow.stages.flatMap((stage) => stage.legs);
  const leg = place.length === 4 ? legs.find((each) => each.name === place[3]) : undefined;
  const names = leg ? [leg.name, ...leg.targets.map((each) => each.leg)] : [];
  for (const other of legs) {
    const left = other.after.filter((each) => !names.includes(each));
    if (left.length === other.after.length) continue;
    const location = [...other.location, "after"];
    edits.push(left.length ? { do: "put", location, value: left } : { do: "take_away", location });
  }
  return [...edits, { do: "take_away", location: place }];
}

/** A leg that is kept to be put elsewhere: as it is written. */
export type Copied = { name: string; written: string };

/** The leg once more, in a stage, under a name that is free. */
export function pasteEdits(flow: FlowView, stage: FlowStage, copied: Copied): { edits: Edit[]; at: Place } {
  const name = freeName(copied.name, legNames(flow));
  const at = ["stages", stage.name, "legs", name];
  return { edits: [{ do: "write", location: at, written: copied.written }], at };
}

/** A leg in another stage. */
export function moveEdits(leg: FlowLeg, stage: string): { edits: Edit[]; at: Place } {
  const at = ["stages", stage, "legs", leg.name];
  return { edits: [{ do: "move", location: leg.location, to: at }], at };
}

/** One leg waits for another. */
export function afterEdits(leg: FlowLeg, other: string): Edit[] {
  if (leg.name === other || leg.after.includes(other)) return [];
  return [{ do: "put", location: [...leg.location, "after"], value: [...leg.after, other] }];
}
