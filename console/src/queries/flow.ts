import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, type Edit, type FlowView, given } from "../api/client";
import { keyOf } from "../model/mapping";

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

type Act = { edits: Edit[] } | { text: string };

/** A flow's draft as it is changed: each change can be undone, as long as the page is open. */
export function useDesign(flow: FlowView) {
  const client = useQueryClient();
  const [back, setBack] = useState<string[]>([]);
  const [forth, setForth] = useState<string[]>([]);
  const key = ["flows", flow.name];
  const act = useMutation({
    // one after the other: each has to have seen the one before
    scope: { id: key.join() },
    mutationFn: (wanted: Act) => {
      const seen = client.getQueryData<FlowView>(key)?.draft?.version ?? 0;
      return "text" in wanted
        ? given(api.POST("/api/design/flows/{name}/texts", { ...of(flow.name), body: { seen, text: wanted.text } }))
        : given(api.POST("/api/design/flows/{name}/changes", { ...of(flow.name), body: { seen, edits: wanted.edits } }));
    },
    onSuccess: (changed) => client.setQueryData(key, changed),
    onSettled: () => void client.invalidateQueries({ queryKey: ["files"] }),
  });
  // nothing is undone beyond what was published or given up
  const isDrafted = flow.draft !== null;
  return {
    error: act.error,
    isPending: act.isPending,
    mayUndo: isDrafted && back.length > 0,
    mayRedo: isDrafted && forth.length > 0,
    edit(edits: Edit[], done?: (changed: FlowView) => void) {
      if (edits.length === 0) return;
      const before = flow.text;
      act.mutate(
        { edits },
        {
          onSuccess: (changed) => {
            setBack((known) => (isDrafted ? [...known, before] : [before]));
            setForth([]);
            done?.(changed);
          },
        },
      );
    },
    undo() {
      const text = back.at(-1);
      if (text === undefined) return;
      act.mutate({ text }, {
        onSuccess: () => {
          setBack(back.slice(0, -1));
          setForth([...forth, flow.text]);
        },
      });
    },
    redo() {
      const text = forth.at(-1);
      if (text === undefined) return;
      act.mutate({ text }, {
        onSuccess: () => {
          setForth(forth.slice(0, -1));
          setBack([...back, flow.text]);
        },
      });
    },
  };
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
