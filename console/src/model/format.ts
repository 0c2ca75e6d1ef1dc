import type { Money } from "../api/client";

const COUNT = new Intl.NumberFormat("en");

/** A number of things: 100,000. */
export function count(value: number): string {
  return COUNT.format(value);
}

/**
 * An amount with its currency, exactly: the text is never made a number, so that no digit of it is lost. At least two
 * places are shown, more where they are not zero.
 */
export function money({ amount, currency }: Money): string {
  const [, sign = "", whole = "", places = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(amount) ?? [];
  if (!whole) return `${amount} ${currency}`;
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return `${sign}${grouped}.${places.replace(/0+$/, "").padEnd(2, "0")} ${currency}`;
}

/** An instant in the zone of who looks, and in a company's where that is another one. */
export function instant(iso: string, zone?: string): string {
  const at = new Date(iso);
  const own = local(at);
  const theirs = zone === undefined ? own : local(at, zone);
  return theirs === own ? own : `${own} (${theirs} ${zone})`;
}

/** The beginning of a day, `2026-03-01`, or of one so many days later, in the zone of who looks; none of no day. */
export function beginning(day: string, later = 0): string | null {
  const [year, month, date] = day.split("-").map(Number);
  if (!year || !month || !date) return null;
  return new Date(year, month - 1, date + later).toISOString();
}

function local(at: Date, timeZone?: string): string {
  return at.toLocaleString("sv-SE", { dateStyle: "short", timeStyle: "short", ...(timeZone && { timeZone }) });
}

/** How long ago an instant was, in the largest unit that fits: 3 d. */
export function age(iso: string, now: number): string {
  const minutes = Math.max(0, Math.floor((now - Date.parse(iso)) / 60_000));
  if (minutes < 60) return `${minutes} min`;
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} d`;
}
