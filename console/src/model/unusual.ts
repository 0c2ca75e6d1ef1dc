import type { Edit, GateView } from "../api/client";

type Unusual = NonNullable<GateView["unusual"]>;

/** By what a form compares documents; blank is not said. */
export type Compared = Pick<Unusual, "party" | "amount" | "date" | "currency" | "account" | "otherwise">;

export const NOT_COMPARED: Compared = { party: "", amount: "", date: "", currency: "", account: "", otherwise: "warn" };

type Field = { key: Exclude<keyof Compared, "otherwise">; label: string; part: string; needed: boolean; about: string };

/** The fields that a comparison goes by. */
export const COMPARED: Field[] = [
  { key: "party", label: "Whose document it is", part: "header", needed: true, about: "It is compared with others of the same party." },
  { key: "amount", label: "Its total", part: "header", needed: true, about: "Far from the party's usual, or twice within days: unusual." },
  { key: "date", label: "Its day", part: "header", needed: true, about: "Far from those of the documents around it: unusual." },
  { key: "currency", label: "Its currency", part: "header", needed: false, about: "Amounts of one currency are compared." },
  { key: "account", label: "The account of a line", part: "lines", needed: false, about: "One that a steady party never had: unusual." },
];

export function comparedOf({ party, amount, date, currency, account, otherwise }: Unusual): Compared {
  return { party, amount, date, currency, account, otherwise };
}

/** What a comparison that is another becomes of: one change where there was none, else one for each thing. */
export function unusualEdits(known: Unusual | null, wanted: Compared): Edit[] {
  const keys = [...COMPARED.map((each) => each.key), "otherwise"] as const;
  const silent = (key: keyof Compared) => (key === "otherwise" ? "warn" : "");
  if (known === null) {
    const value = Object.fromEntries(keys.filter((key) => wanted[key] !== silent(key)).map((key) => [key, wanted[key]]));
    return [{ do: "put", location: ["unusual"], value }];
  }
  return keys
    .filter((key) => wanted[key] !== known[key])
    .map((key): Edit => {
      const location = ["unusual", key];
      return wanted[key] === silent(key) ? { do: "take_away", location } : { do: "put", location, value: wanted[key] };
    });
}
