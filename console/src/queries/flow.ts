import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { api, type Edit, type FlowView, given } from "../api/client";
import { keyOf } from "../model/mapping";
import { useEdits } from "./edits";

const of = (name: string) => ({ params: { path: { name } } });

/** A flow as this user's draft has it, or as it is live; others' drafts are looked for every half minute. */
export function useFlow(name: string) {
  return useQuery({
    queryKey: ["flows", name],
    queryFn: () => given(api.GET("/api/design/flows/{name}", of(name))),
    refetchInterval: 30_000,
  });
}

/** What a flow can be made of. */
export function usePalette(enabled: boolean) {
  return useQuery({ queryKey: ["palette"], queryFn: () => given(api.GET("/api/design/palette")), enabled, staleTime: 60_000 });
}

/** The flow as it would be with these changes, while they are being written; nothing is asked while there are none. */
export function useFlowPreview(name: string, edits: Edit[]) {
  return useQuery({
    queryKey: ["flow preview", name, keyOf(edits.map((each) => JSON.stringify(each)))],
    queryFn: () => given(api.POST("/api/design/flows/{name}/previews", { ...of(name), body: { edits } })),
    enabled: edits.length > 0,
    placeholderData: keepPreviousData,
    gcTime: 60_000,
  });
}

/** A flow's draft as it is changed. */
export function useDesign(flow: FlowView) {
  return useEdits("flows", flow, {
    change: (body) => given(api.POST("/api/design/flows/{name}/changes", { ...of(flow.name), body })),
    restore: (body) => given(api.POST("/api/design/flows/{name}/texts", { ...of(flow.name), body })),
  });
}

export type Design = ReturnType<typeof useDesign>;

/** What the last pass of each leg did, looked for every quarter of a minute. */
export function usePasses(name: string) {
  return useQuery({
    queryKey: ["passes", name],
    queryFn: () => given(api.GET("/api/design/flows/{name}/passes", of(name))),
    refetchInterval: 15_000,
  });
}
