import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { api, type Edit, given } from "../api/client";
import { useAct } from "./design";

const of = (name: string) => ({ params: { path: { name } } });

/** A gate as this user's draft has it, or as it is live; others' drafts are looked for every half minute. */
export function useGate(name: string) {
  return useQuery({
    queryKey: ["expectations", name],
    queryFn: () => given(api.GET("/api/design/expectations/{name}", of(name))),
    refetchInterval: 30_000,
  });
}

/** What a gate can expect; it stays as it is while the server runs. */
export function useMenu() {
  return useQuery({ queryKey: ["menu"], queryFn: () => given(api.GET("/api/design/menu")), staleTime: Infinity });
}

/** The gate as it would be with these changes, and what it would make of recent documents; nothing is asked while there are none. */
export function useGatePreview(name: string, edits: Edit[]) {
  return useQuery({
    queryKey: ["gate preview", name, JSON.stringify(edits)],
    queryFn: () => given(api.POST("/api/design/expectations/{name}/previews", { ...of(name), body: { edits } })),
    enabled: edits.length > 0,
    placeholderData: keepPreviousData,
    gcTime: 60_000,
  });
}

/** Change the draft of a gate. */
export function useGateChange(name: string) {
  return useAct("expectations", name, (body: { seen: number; edits: Edit[] }) =>
    given(api.POST("/api/design/expectations/{name}/changes", { ...of(name), body })),
  );
}
