import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { api, type Edit, type GateView, given } from "../api/client";
import { useEdits } from "./edits";

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

/** A gate's draft as it is changed. */
export function useGateEdits(gate: GateView) {
  return useEdits("expectations", gate, {
    change: (body) => given(api.POST("/api/design/expectations/{name}/changes", { ...of(gate.name), body })),
    restore: (body) => given(api.POST("/api/design/expectations/{name}/texts", { ...of(gate.name), body })),
  });
}

export type GateEdits = ReturnType<typeof useGateEdits>;
