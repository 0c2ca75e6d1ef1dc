import type { MappingField, MappingView, Place, SideField, Sides } from "../api/client";

/** How high a row of a tree is, in pixels: rows are found by counting. */
export const ROW = 26;

/** A row of a tree: a part as a group, or a field in it. */
export type Row = {
  key: string;
  isGroup: boolean;
  isOpen: boolean;
  part: string;
  number: number;
  label: string;
  /** Of a field: its path in the record; of a group: how many fields it has. */
  told: string;
  about: string;
  isRequired: boolean;
  fails: string;
  /** What a source is named by when a line is drawn, and a target. */
  path: string;
  field: MappingField | null;
  /** Where the rule of a field without one would stand; null: its part is not in the mapping yet. */
  location: Place | null;
};

export type Line = { source: string; target: string; kind: "direct" | "decides" | "fails" | "suggested" };

export type Group = { key: string; part: string; number: number; label: string; fields: Row[] };

/** The fields of the source by the lists they are in; what rules read and nobody described stands at the end. */
export function sourceGroups(mapping: MappingView, sides: Sides): Group[] {
  const known = new Set(sides.source.map((each) => each.path));
  const read = new Set(mapping.fields.flatMap((each) => each.origins.map((origin) => origin.path)));
  const others = [...read].filter((path) => !known.has(path));
  const undescribed: SideField[] = others.map((path) => ({
    part: "read by rules, not described", name: path, path, kind: "", length: 0, required: false, about: "",
  }));
  const groups = new Map<string, Group>();
  for (const each of [...sides.source, ...undescribed]) {
    const group = groups.get(each.part) ?? { key: `source ${each.part}`, part: each.part, number: 0, label: each.part, fields: [] };
    groups.set(each.part, group);
    group.fields.push({ ...blank, key: each.path, part: each.part, label: each.name, path: each.path, told: kindOf(each), about: each.about });
  }
  return [...groups.values()];
}

/** The fields of the target by part, and by list of rules where a part has several: helpers first, then as described. */
export function targetGroups(mapping: MappingView, sides: Sides): Group[] {
  const parts = [...new Set([...mapping.parts, ...sides.target.map((each) => each.part)])];
  return parts.flatMap((part) => {
    const pieces = mapping.pieces.filter((each) => each.part === part);
    const described = sides.target.filter((each) => each.part === part);
    return (pieces.length ? pieces : [null]).map((piece): Group => {
      const number = piece?.number ?? 0;
      const ruled = new Map(mapping.fields.filter((each) => each.part === part && (each.number ?? 0) === number).map((each) => [each.field, each]));
      const names = [...[...ruled.keys()].filter((name) => !described.some((each) => each.name === name)), ...described.map((each) => each.name)];
      const key = `target ${part} ${number}`;
      const fields = names.map((name): Row => {
        const [field, known] = [ruled.get(name) ?? null, described.find((each) => each.name === name)];
        return {
          ...blank,
          key: targetKey(part, number, name),
          part,
          number,
          label: name,
          path: known?.path ?? "",
          told: known ? kindOf(known) : field?.is_helper ? "helper, not sent" : "",
          about: known?.about ?? "",
          isRequired: known?.required || field?.required || false,
          fails: field ? failing(field, mapping.samples.length) : "",
          field,
          location: piece ? [...piece.location, name] : null,
        };
      });
      return { key, part, number, label: pieces.length > 1 ? `${part} ${number + 1}` : part, fields };
    });
  });
}

/** The rows that are seen: groups, and of open ones the fields with the words. */
export function rowsOf(groups: Group[], closed: ReadonlySet<string>, words: string): Row[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return groups.flatMap((group) => {
    const fields = group.fields.filter((each) => wanted.every((word) => `${each.path} ${each.label} ${each.about}`.toLowerCase().includes(word)));
    if (wanted.length > 0 && fields.length === 0) return [];
    const isOpen = !closed.has(group.key);
    const required = group.fields.filter((each) => each.isRequired);
    const met = required.filter((each) => each.field !== null).length;
    const told = group.key.startsWith("target") && required.length > 0 ? `${met} of ${required.length} required` : `${group.fields.length}`;
    const head: Row = { ...blank, key: group.key, isGroup: true, isOpen, part: group.part, number: group.number, label: group.label.replaceAll("_", " "), told };
    return isOpen ? [head, ...fields] : [head];
  });
}

/** How many of the fields that the target wants have a rule. */
export function requiredMet(groups: Group[]): [number, number] {
  // of a part with several lists of rules one is enough; a part that is not there has no rows, and wants nothing
  const required = new Map<string, boolean>();
  for (const group of groups)
    for (const each of group.fields)
      if (each.isRequired && (each.location !== null || each.part === "header")) {
        const name = `${each.part} ${each.label}`;
        required.set(name, (required.get(name) ?? false) || each.field !== null);
      }
  return [[...required.values()].filter(Boolean).length, required.size];
}

/** A line for each path that a rule reads, and for what is suggested. */
export function linesOf(mapping: MappingView, sides: Sides): Line[] {
  const drawn = mapping.fields.flatMap((each) => {
    const target = targetKey(each.part, each.number ?? 0, each.field);
    const isWrong = each.failures.length + each.problems.length > 0;
    return each.origins.map(
      ({ path, direct }): Line => ({ source: path, target, kind: isWrong ? "fails" : direct ? "direct" : "decides" }),
    );
  });
  const suggested = sides.suggestions
    .filter((each) => each.band !== "open" && each.candidates[0])
    .map((each): Line => ({ source: each.candidates[0]?.path ?? "", target: targetKey(each.part, 0, each.field), kind: "suggested" }));
  return [...drawn, ...suggested];
}

/** Where the ends of lines stand: a field's row, or that of its group while that is closed. */
export function places(rows: Row[], groups: Group[]): Map<string, number> {
  const seen = new Map(rows.map((each, at) => [each.key, at]));
  for (const group of groups) {
    const head = seen.get(group.key);
    if (head !== undefined && !rows[head]?.isOpen) for (const each of group.fields) seen.set(each.key, head);
  }
  return seen;
}

/** How far beyond the trees' edge a line ends whose other end is scrolled out of sight, in pixels: it is seen to go on. */
const BEYOND = 12;

/**
 * The lines as what an SVG path draws, each kind in one: those of which an end is seen.
 *
 * The other end stands at the edge it was scrolled beyond. Lines drawn to where it is were thousands of pixels long, and
 * each of their dashes was painted anew at every scroll.
 */
export function drawn(lines: Line[], kind: Line["kind"] | null, at: Ends, chosen: ReadonlySet<string>): string {
  let path = "";
  for (const line of lines) {
    const isChosen = chosen.has(line.source) || chosen.has(line.target);
    if (kind === null ? !isChosen : line.kind !== kind) continue;
    const [from, to] = [at.sources.get(line.source), at.targets.get(line.target)];
    if (from === undefined || to === undefined) continue;
    const [y1, y2] = [from * ROW + ROW / 2 - at.left, to * ROW + ROW / 2 - at.right];
    if (isBeyond(y1, at) && isBeyond(y2, at)) continue;
    path += curve(toEdge(y1, at), at.width, toEdge(y2, at));
  }
  return path;
}

function isBeyond(y: number, { height }: Ends): boolean {
  return y < 0 || y > height;
}

function toEdge(y: number, { height }: Ends): number {
  return Math.max(-BEYOND, Math.min(height + BEYOND, y));
}

export type Ends = { sources: Map<string, number>; targets: Map<string, number>; left: number; right: number; width: number; height: number };

/** A line from the left edge to a point. */
export function curve(y1: number, x2: number, y2: number): string {
  const middle = x2 / 2;
  return `M0 ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
}

export function targetKey(part: string, number: number, name: string): string {
  return `${part} ${number} ${name}`;
}

/** How often a field fails, in few words; blank where it does not. */
function failing(field: MappingField, samples: number): string {
  if (field.problems.length > 0) return "wrong";
  return field.failures.length > 0 ? `${field.failures.length} of ${samples} fail` : "";
}

function kindOf({ kind, length }: SideField): string {
  return length ? `${kind} ${length}` : kind;
}

const blank: Row = {
  key: "", isGroup: false, isOpen: false, part: "", number: 0, label: "", told: "", about: "", isRequired: false, fails: "", path: "", field: null, location: null,
};
