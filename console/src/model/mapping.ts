import type { MappingField, MappingView, PartOption, Place } from "../api/client";

/** By what a place of a file is told from others. */
export function keyOf(location: Place): string {
  return JSON.stringify(location);
}

/** A field that has no rule yet, as one whose rule is blank. */
export function unruled(part: string, number: number | null, field: string, location: Place): MappingField {
  return {
    part, number, field, location, line: 0, last_line: 0, rule: "", words: [], source: [], origins: [], form: null, no_form: null,
    required: false, is_helper: false, before: [], after: [], failures: [], problems: [],
  };
}

/** What a part says beside its fields, as something with a rule. */
export function asField(option: PartOption): MappingField {
  const { part, number, location, line, rule, form, no_form = null } = option;
  return { ...unruled(part, number, option.option, location), line: rule ? line : 0, rule, form, no_form };
}

/** What stands at a place of a mapping. */
export function fieldAt(mapping: MappingView, location: Place): MappingField | undefined {
  const key = keyOf(location);
  const option = mapping.options.find((each) => keyOf(each.location) === key);
  return mapping.fields.find((each) => keyOf(each.location) === key) ?? (option && asField(option));
}

const VIEW = "ledgerbridge-mapping-view";
export type View = "table" | "drawing";

/** How this person looked at mappings last. */
export function viewKept(): View {
  return window.localStorage.getItem(VIEW) === "drawing" ? "drawing" : "table";
}

export function keepView(view: View): void {
  window.localStorage.setItem(VIEW, view);
}

/** Which of several lists of rules a field is of; blank where a part has one. */
export function partOf({ part, number }: MappingField): string {
  return number === null ? "" : `${part} ${number + 1}`;
}

/** A decimal given as text with two places, or as many as it has. */
export function places(text: string): string {
  const [whole = "0", rest = ""] = text.split(".");
  return `${whole}.${rest.replace(/0+$/, "").padEnd(2, "0")}`;
}

/** The difference of two decimals given as text, exactly, with its sign. */
export function difference(before: string, after: string): string {
  const length = Math.max(...[before, after].map((each) => each.split(".")[1]?.length ?? 0));
  const units = (text: string) => {
    const [whole = "0", rest = ""] = text.replace("-", "").split(".");
    return BigInt(whole + rest.padEnd(length, "0")) * (text.startsWith("-") ? -1n : 1n);
  };
  const found = units(after) - units(before);
  const digits = String(found < 0n ? -found : found).padStart(length + 1, "0");
  const text = length ? `${digits.slice(0, -length)}.${digits.slice(-length)}` : digits;
  return `${found < 0n ? "−" : "+"}${places(text)}`;
}
