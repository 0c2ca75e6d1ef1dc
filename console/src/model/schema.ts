import type { Entries, Value } from "./yaml";
import { isEntries, isWritten } from "./yaml";

/** As much of JSON Schema as describes rules. */
export type Schema = {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: string[];
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  $defs?: Record<string, Schema>;
};

/** What a place takes, of which each has a form of its own. */
export type Kind = "rule" | "condition" | "fields" | "entries" | "list" | "text" | "words" | "flag" | "always" | "number" | "value";

/** What a rule says beside where its value comes from. */
export const BESIDE = ["then", "else", "convert", "default", "required", "remedy", "combine"];

const NAMED = "#/$defs/";

/** What a reference stands for, with the words that stand at it. */
export function resolved(schema: Schema, whole: Schema): Schema {
  if (schema.$ref === undefined) return schema;
  const found = whole.$defs?.[schema.$ref.slice(NAMED.length)] ?? {};
  return { ...found, ...(schema.description !== undefined && { description: schema.description }), $ref: schema.$ref };
}

export function kindOf(given: Schema, whole: Schema): Kind {
  const schema = resolved(given, whole);
  if (schema.$ref === `${NAMED}Rule`) return "rule";
  if (schema.$ref === `${NAMED}Condition`) return "condition";
  if (schema.anyOf?.some((each) => each.type === "array")) return "list";
  if (schema.enum) return "words";
  if (schema.const === true) return "always";
  switch (schema.type) {
    case "object":
      return schema.properties ? "fields" : "entries";
    case "array":
      return "list";
    case "boolean":
      return "flag";
    case "integer":
    case "number":
      return "number";
    case "string":
      return "text";
    default:
      return "value";
  }
}

/** What the items of a list take; one that may stand alone too. */
export function itemOf(given: Schema, whole: Schema): Schema {
  const schema = resolved(given, whole);
  return (schema.anyOf?.find((each) => each.type === "array") ?? schema).items ?? {};
}

/** What a new place has before anybody writes there. */
export function blankOf(schema: Schema, whole: Schema): Value {
  const of = resolved(schema, whole);
  switch (kindOf(schema, whole)) {
    case "rule":
    case "text":
    case "value":
      return "";
    case "words":
      return of.enum?.[0] ?? "";
    case "flag":
    case "always":
      return true;
    case "number":
      return { yaml: "1" };
    case "list":
      return [blankOf(itemOf(schema, whole), whole)];
    case "fields":
      return Object.fromEntries((of.required ?? []).map((key) => [key, blankOf(of.properties?.[key] ?? {}, whole)]));
    case "condition":
    case "entries":
      return {};
  }
}

/** A rule with all its keys: a bare text is short for its path. */
export function longRule(value: Value): Entries {
  return isEntries(value) ? value : { from: isWritten(value) ? value.yaml : typeof value === "string" ? value : "" };
}

/** The same as short as people write it. */
export function shortRule(rule: Entries): Value {
  const keys = Object.keys(rule);
  return keys.length === 1 && typeof rule.from === "string" ? rule.from : rule;
}

/** Where a rule's value comes from; null: it does not say. */
export function originOf(rule: Entries): string | null {
  return Object.keys(rule).find((key) => !BESIDE.includes(key)) ?? null;
}
