import type { Edit, ExpectationOffered, ExpectationView, GateView, Place } from "../api/client";
import { isEntries, isWritten, type Value } from "./yaml";

/** An expectation as its form holds it: arguments as they are typed, those of lists an item a line. */
export type Wanted = {
  part: string;
  expect: string;
  column: string;
  beside: string;
  told: Record<string, string>;
  remedy: string;
  otherwise: string;
};

export const NEW: Wanted = { part: "", expect: "", column: "", beside: "", told: {}, remedy: "", otherwise: "reject" };

/** An expectation's name as people say it. */
export function expectationWords(name: string): string {
  return name.replace(/^expect_(column_pair_values|column_values|column_value|column)_/, "").replaceAll("_", " ");
}

/** An expectation as its form begins. */
export function wantedOf({ part, expect, column, beside, remedy, otherwise, arguments: given }: ExpectationView): Wanted {
  const told = isEntries(given as Value) ? Object.entries(given as Record<string, Value>) : [];
  return { part, expect, column, beside, remedy, otherwise, told: Object.fromEntries(told.map(([key, each]) => [key, typed(each)])) };
}

function typed(value: Value): string {
  if (Array.isArray(value)) return value.map(typed).join("\n");
  return isWritten(value) ? value.yaml : typeof value === "boolean" ? String(value) : typeof value === "string" ? value : "";
}

/** Whether enough is said to try it. */
export function isWhole(wanted: Wanted, offered: ExpectationOffered | undefined): boolean {
  if (!offered || !wanted.column || !wanted.remedy.trim() || (offered.of_pairs && !wanted.beside)) return false;
  return offered.arguments.every((each) => !each.needed || each.name in toldOf(wanted, offered));
}

/** What an expectation that is not there yet becomes of: one change. */
export function added(gate: GateView, wanted: Wanted, offered: ExpectationOffered): Edit[] {
  const told = toldOf(wanted, offered);
  const value = {
    ...(wanted.part !== "header" && { part: wanted.part }),
    expect: wanted.expect,
    column: wanted.column,
    ...(offered.of_pairs && { beside: wanted.beside }),
    ...(Object.keys(told).length > 0 && { arguments: told }),
    ...(wanted.otherwise !== "reject" && { otherwise: wanted.otherwise }),
    remedy: wanted.remedy.trim(),
  };
  return [{ do: "put", location: ["expectations", gate.expectations.length], value }];
}

/** What a changed expectation becomes of: a change for each thing that is another. */
export function changed(known: ExpectationView, wanted: Wanted, offered: ExpectationOffered): Edit[] {
  const was = wantedOf(known);
  const at = (...steps: Place): Place => [...known.location, ...steps];
  const edits: Edit[] = [];
  const texts = [
    ["part", "header"],
    ["expect", ""],
    ["column", ""],
    ["beside", ""],
    ["otherwise", "reject"],
    ["remedy", ""],
  ] as const;
  for (const [key, silent] of texts) {
    const [now, before] = [key === "beside" && !offered.of_pairs ? "" : wanted[key].trim(), was[key]];
    if (now === before) continue;
    if (now === silent) edits.push({ do: "take_away", location: at(key) });
    else edits.push({ do: "put", location: at(key), value: now });
  }
  const told = toldOf(wanted, offered);
  const names = Object.keys(told);
  if (known.arguments === null) return edits;
  if (names.length === 0 && Object.keys(was.told).length > 0) return [...edits, { do: "take_away", location: at("arguments") }];
  if (names.length > 0 && Object.keys(was.told).length === 0) return [...edits, { do: "put", location: at("arguments"), value: told }];
  for (const name of names) {
    if (was.told[name] !== wanted.told[name]) edits.push({ do: "put", location: at("arguments", name), value: told[name]! });
  }
  for (const name of Object.keys(was.told)) if (!(name in told)) edits.push({ do: "take_away", location: at("arguments", name) });
  return edits;
}

type Told = Record<string, string | number | boolean | (string | number)[]>;

/** The arguments as the file is to hold them; what is blank is not told. What the form has no field for stays. */
function toldOf(wanted: Wanted, offered: ExpectationOffered): Told {
  const found: Told = {};
  for (const { name, kind } of offered.arguments) {
    const text = (wanted.told[name] ?? "").trim();
    if (text === "") continue;
    if (kind === "yes or no") found[name] = text === "true";
    else if (kind === "number") found[name] = numberIn(text);
    else found[name] = kind === "list" ? text.split("\n").map((each) => each.trim()).filter(Boolean) : text;
  }
  return found;
}

/** A number; a day stays a text. */
function numberIn(text: string): number | string {
  return /^[-+]?(\d+(\.\d*)?|\.\d+)$/.test(text) ? Number(text) : text;
}
