import type { MappingView, Sides } from "../api/client";

/** The paths that rules of a part may read, as they write them: of the row, of what is around it, of the whole record. */
export function pathsOf(mapping: MappingView, sides: Sides | undefined, part: string, number: number | null): string[] {
  const each = mapping.pieces.find((one) => one.part === part && one.number === number)?.each ?? "header";
  const read = (sides?.source ?? []).flatMap(({ part: list, name }) => {
    if (list === each) return [name];
    if (list === "header") return [`$.${name}`];
    if (each.startsWith(`${list}.`)) return [`${"^".repeat(each.slice(list.length).split("[]").length - 1)}.${name}`];
    return [];
  });
  const made = madeOf(mapping, part, number);
  // an expression reads a helper by its bare name
  return [...read, ...made.map((name) => `=${name}`), ...made.filter((name) => name.startsWith("_")), "@key", "@changed_at"];
}

/** The fields that a part makes. */
export function madeOf(mapping: MappingView, part: string, number: number | null): string[] {
  return mapping.fields.filter((each) => each.part === part && each.number === number).map((each) => each.field);
}
