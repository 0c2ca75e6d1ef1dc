import { useQuery } from "@tanstack/react-query";

import { api, given } from "../api/client";
import { useAct } from "./design";

const of = (name: string) => ({ params: { path: { name } } });

/** A lookup table as this user's draft has it, or as it is live; others' drafts are looked for every half minute. */
export function useTable(name: string) {
  return useQuery({
    queryKey: ["lookups", name],
    queryFn: () => given(api.GET("/api/design/lookups/{name}", of(name))),
    refetchInterval: 30_000,
  });
}

/** Write the draft of a lookup table. */
export function useTableText(name: string) {
  return useAct("lookups", name, (body: { seen: number; text: string }) =>
    given(api.POST("/api/design/lookups/{name}/texts", { ...of(name), body })),
  );
}
