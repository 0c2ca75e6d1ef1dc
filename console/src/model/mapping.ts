import type { MappingField, Place } from "../api/client";

/** By what a place of a file is told from others. */
export function keyOf(location: Place): string {
  return JSON.stringify(location);
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
