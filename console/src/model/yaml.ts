/** What a form shows of a rule: as YAML has it, numbers, days and instants as they are written. */
export type Value = string | boolean | null | Written | Value[] | Entries;
export type Written = { yaml: string };
export type Entries = { [key: string]: Value };

const ROOM = 110;
const INDENT = "  ";
/** Texts that mean something else without quotes: YAML 1.1 has these for true, false and nothing. */
const WORDS = /^(true|false|yes|no|on|off|null|~|)$/i;
const PLAIN = /^[A-Za-z_][\w.]*( [\w.]+)*$/;
const NUMBER = /^[-+]?(\d+(\.\d*)?|\.\d+)$/;

export function isEntries(value: Value | undefined): value is Entries {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isWritten(value);
}

export function isWritten(value: Value | undefined): value is Written {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 1 && typeof (value as Written).yaml === "string";
}

/** A number as it is typed; null: it is none. */
export function numberOf(typed: string): Written | null {
  return NUMBER.test(typed) ? { yaml: typed } : null;
}

/** A value as YAML: on one line where there is room, else over several. */
export function yamlOf(value: Value): string {
  return inLines(value, "").trimStart();
}

function inLines(value: Value, indent: string): string {
  const line = onLine(value);
  const entries: [string, Value][] = Array.isArray(value) ? value.map((each) => ["-", each]) : isEntries(value) ? Object.entries(value) : [];
  if (indent.length + line.length <= ROOM || entries.length === 0) return line;
  return entries
    .map(([key, each]) => {
      const head = key === "-" && Array.isArray(value) ? "-" : `${word(key)}:`;
      const body = inLines(each, indent + INDENT);
      if (!body.startsWith("\n")) return `\n${indent}${head} ${body}`;
      // the first key of a list's item stands behind its dash
      return head === "-" ? `\n${indent}- ${body.trimStart()}` : `\n${indent}${head}${body}`;
    })
    .join("");
}

function onLine(value: Value): string {
  if (value === null) return "null";
  if (typeof value === "boolean") return String(value);
  if (typeof value === "string") return text(value);
  if (Array.isArray(value)) return `[${value.map(onLine).join(", ")}]`;
  if (isWritten(value)) return value.yaml;
  return `{${Object.entries(value).map(([key, each]) => `${word(key)}: ${onLine(each)}`).join(", ")}}`;
}

function text(value: string): string {
  return PLAIN.test(value) && !WORDS.test(value) ? value : JSON.stringify(value);
}

/** A key: it is a text whatever it looks like. */
function word(key: string): string {
  return /^[A-Za-z_][\w.]*$|^\d+$/.test(key) ? key : JSON.stringify(key);
}
